public import Estimator

/// RiskPO still has a gradient on bundles in which every group is all wrong or all right, where GRPO's
/// is exactly zero (arXiv 2510.00911): for each number of all-right groups in a bundle, the mean norm
/// of the update, and what the update does to E[r].
public struct RiskOfBundles: Experiment {
  public static let name = "risk"
  public static let summary = "RiskPO learns from bundles of all-wrong and all-right groups"

  public struct Row: Sendable {
    /// Groups of the bundle in which every rollout is right; in the others every one is wrong.
    public var allRight: Int
    /// How often such a bundle comes up where every group is all wrong or all right.
    public var probability: Double
    /// RiskPO's `Â`, the same for every paper of the bundle.
    public var advantage: Double
    /// Mean norm of the update over the bundle's possible rollouts.
    public var riskNorm: Double
    /// `E[ĝ]·∇E[r] / |∇E[r]|`, what the update gains along the true gradient: by the logits of the
    /// questions whose groups are all wrong, and by those of the others.
    public var wrongGain: Double
    public var rightGain: Double
    /// Largest norms of the updates of the algorithms that compare within a group.
    public var groupNorms: [Double]
  }

  /// E[r] over training from a start at which nearly every group is all wrong, mean over seeds.
  public struct Curve: Sendable {
    public var algorithm: String
    public var meanReward: [Double]
  }

  public let rows: [Row]
  public let curves: [Curve]
  /// The tracked `Q_α` and `Q_β`.
  public let quantiles: [Double]

  static let questions = 5
  static let size = 4
  static let draws = 400
  static let seeds: UInt64 = 10
  static let steps = 200
  static let compared: [(String, Algorithm.Form?)] = [
    ("grpo", .released), ("dr_grpo", .paper), ("dapo", .paper), ("rloo", nil),
  ]

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    let space = Self.space
    // Right in half of the cases, so that all-right groups are as frequent as all-wrong ones.
    let policy = try TabularPolicy(
      space, responses: space.questions.map { _ in [0.2, 0.3, 0.2, 0.2, 0.1] })
    var risk = try Algorithm.laboratory("riskpo", .paper, in: space)
    risk.advantage.risk.bundleSize = Self.questions
    let memory = try BiasAndVariance.settled(
      risk, policy, size: Self.size, seed: settings.seed)
    quantiles = memory.advantage
    let others = try Self.compared.map { (name, form) throws(EstimatorError) in
      try Algorithm.laboratory(name, form, in: space)
    }
    let truth = policy.meanRewardGradient
    let owners = zip(space.states, space.questionOfState).flatMap { range, question in
      range.map { _ in question }
    }
    let sampler = GroupSampler(seed: settings.seed)
    var rows: [Row] = []
    for allRight in 0...Self.questions {
      var row = Row(
        allRight: allRight, probability: Self.probability(policy, allRight), advantage: 0,
        riskNorm: 0, wrongGain: 0, rightGain: 0, groupNorms: others.map { _ in 0 })
      row.advantage =
        risk.advantage.risk.paperAdvantages(
          scores: [Double(allRight)], tracked: try Self.reference(risk, memory))[0]
      for draw in 0..<Self.draws {
        let groups = Self.groups(policy, allRight: allRight, sampler, key: UInt64(draw))
        func update(_ algorithm: Algorithm, _ memory: LaboratoryMemory) throws(EstimatorError)
          -> [Double]
        {
          var memory = memory
          let step = try LaboratoryStep(
            algorithm, groups: groups, start: policy, step: UInt64(draw), seed: settings.seed,
            memory: &memory)
          return try step.ascent(at: policy)
        }
        let gradient = try update(risk, memory)
        row.riskNorm += Vector.norm(gradient) / Double(Self.draws)
        for (logit, question) in owners.enumerated() {
          let gain = gradient[logit] * truth[logit] / Vector.norm(truth) / Double(Self.draws)
          if question < allRight { row.rightGain += gain } else { row.wrongGain += gain }
        }
        for (index, other) in others.enumerated() {
          let norm = Vector.norm(try update(other, LaboratoryMemory()))
          row.groupNorms[index] = max(row.groupNorms[index], norm)
        }
      }
      rows.append(row)
    }
    self.rows = rows
    curves = try [("grpo", Algorithm.Form.released), ("dapo", .released), ("riskpo", .paper)].map {
      (name, form) throws(EstimatorError) in
      var algorithm = try Algorithm.laboratory(name, form, in: space)
      algorithm.advantage.risk.bundleSize = Self.questions
      return try Self.train(algorithm, settings.seed)
    }
  }

  /// Over all such bundles, as often as they come up.
  public var gain: Double {
    rows.reduce(0) { $0 + $1.probability * ($1.wrongGain + $1.rightGain) }
  }

  public var report: LaboratoryReport {
    var table = LaboratoryTable(
      "Bundles of \(Self.questions) groups of \(Self.size); tracked quantiles of the score: "
        + quantiles.map { Ratio.text($0) }.joined(separator: " and "),
      ["all right", "share", "Â RiskPO", "|ĝ| RiskPO", "gain, wrong", "gain, right"]
        + Self.compared.map { "|ĝ| \($0.0)" })
    for row in rows {
      table.add(
        [
          .text("\(row.allRight) of \(Self.questions)"), .percent(row.probability),
          .number(row.advantage), .number(row.riskNorm), .number(row.wrongGain),
          .number(row.rightGain),
        ] + row.groupNorms.map { .number($0) })
    }
    return LaboratoryReport(
      experiment: Self.name,
      finding:
        "Below the upper quantile RiskPO moves on bundles of which the others learn nothing: "
        + "it pushes down whatever was drawn. Through all-wrong groups E[r] rises, through "
        + "all-right ones it falls; over all such bundles, as often as they come up, it "
        + "\(gain > 0 ? "rises" : "falls").",
      tables: [table],
      charts: [
        LaboratoryChart(
          "E[r] from a start at which a response is right in 1 % of cases, mean of "
            + "\(Self.seeds) seeds",
          curves.map { .init($0.algorithm, $0.meanReward) })
      ])
  }

  // MARK: Parts

  /// Each question has two right responses and three wrong ones.
  static let space = TabularSpace(
    (0..<questions).map { _ in
      TabularSpace.Question(
        responses: ["a", "b.", "ba", "bb.", "bbb"], rewards: [0, 1, 0, 1, 0])
    })

  private static func train(
    _ algorithm: Algorithm, _ seed: UInt64
  ) throws(EstimatorError) -> Curve {
    let start = try TabularPolicy(
      space,
      responses: space.questions.map { _ in [0.33, 0.005, 0.33, 0.005, 0.33] })
    var curve = Curve(
      algorithm: BiasAndVariance.label(algorithm.name, algorithm.form),
      meanReward: Array(repeating: 0, count: steps + 1))
    for index in 0..<seeds {
      var settings = TabularTraining.Settings()
      settings.size = size
      settings.seed = seed &+ index
      var training = TabularTraining(algorithm, from: start, settings)
      for step in 0...steps {
        if step > 0 { try training.step() }
        curve.meanReward[step] += training.policy.meanReward / Double(seeds)
      }
    }
    return curve
  }

  private static func reference(
    _ algorithm: Algorithm, _ memory: LaboratoryMemory
  ) throws(EstimatorError) -> RiskReference? {
    let risk = algorithm.advantage.risk
    return risk.reference(try risk.tracker(memory: memory.advantage))
  }

  /// Rollouts drawn from the policy, given that the first `allRight` groups are all right and the
  /// others all wrong.
  private static func groups(
    _ policy: TabularPolicy, allRight: Int, _ sampler: GroupSampler, key: UInt64
  ) -> [GroupDraw] {
    space.questions.indices.map { question in
      let wanted = question < allRight ? 1.0 : 0
      let probabilities = zip(policy.probabilities(question), space.questions[question].rewards)
        .map { $1 == wanted ? $0 : 0 }
      return sampler.group(question, size: size, key: key, probabilities: probabilities)
    }
  }

  /// Of `allRight` groups being all right, among bundles in which each group is all of one kind; all
  /// questions have the same solve rate.
  private static func probability(_ policy: TabularPolicy, _ allRight: Int) -> Double {
    func power(_ base: Double, _ exponent: Int) -> Double {
      (0..<exponent).reduce(1) { value, _ in value * base }
    }
    let right = power(policy.meanReward, size)
    let wrong = power(1 - policy.meanReward, size)
    let share = right / (right + wrong)
    return Double(GroupEnumeration.count(size: allRight, responses: questions - allRight + 1))
      * power(share, allRight) * power(1 - share, questions - allRight)
  }
}

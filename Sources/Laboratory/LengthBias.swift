public import Estimator

/// What the normaliser of the loss does to lengths where length says nothing about the reward.
///
/// The first token decides whether a response is right; how long it then goes on is independent of
/// that, so that ∇E[r] has no component along the lengths. Dividing each response's loss by its own
/// length (GRPO's paper) shortens right responses and lengthens wrong ones; a constant divisor
/// (Dr. GRPO, arXiv 2503.20783) does neither. Expectations over all groups are exact.
public struct LengthBias: Experiment {
  public static let name = "length"
  public static let summary = "GRPO lengthens wrong responses and shortens right ones; Dr. GRPO not"

  public struct Row: Sendable {
    public var algorithm: String
    public var size: Int
    /// `d E[length | right]` and `d E[length | wrong]` in tokens, and `d E[r]`, per unit of length of
    /// the expected update.
    public var right: Double
    public var wrong: Double
    public var reward: Double
  }

  /// `E[length | wrong]` at every step of training on the exact expected update.
  public struct Curve: Sendable {
    public var algorithm: String
    public var wrongLength: [Double]
    public var meanReward: [Double]
  }

  public let rows: [Row]
  public let curves: [Curve]

  static let algorithms: [(String, Algorithm.Form?)] = [
    ("grpo", .paper), ("grpo", .released), ("dapo", .paper), ("dr_grpo", .paper),
    ("dr_grpo", .released), ("rloo", nil),
  ]
  static let steps = 60
  static let trainedSize = 4

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    let space = Self.space
    // A policy that goes on with probability one half and is right as often.
    let policy = try TabularPolicy(
      space, logits: Array(repeating: 0, count: space.logitCount))
    var rows: [Row] = []
    for (name, form) in Self.algorithms {
      let algorithm = try Algorithm.laboratory(name, form, in: space)
      let label = name + (form.map { " (\($0.rawValue))" } ?? "")
      for size in settings.groupSizes {
        let update = try GradientMoments.exact(
          algorithm, size: size, start: policy, current: policy
        ).mean
        let unit = update.map { $0 / Vector.norm(update) }
        rows.append(
          Row(
            algorithm: label, size: size,
            right: Vector.dot(Self.lengthGradient(policy, reward: 1), unit),
            wrong: Vector.dot(Self.lengthGradient(policy, reward: 0), unit),
            reward: Vector.dot(policy.meanRewardGradient, unit)))
      }
    }
    self.rows = rows
    curves = try [Self.algorithms[0], Self.algorithms[1], Self.algorithms[3]].map {
      (name, form) throws(EstimatorError) in
      try Self.train(try Algorithm.laboratory(name, form, in: space), from: policy)
    }
  }

  public var report: LaboratoryReport {
    var table = LaboratoryTable(
      "Change of the mean length, in tokens, per unit step along the expected update",
      ["algorithm", "n", "of right ones", "of wrong ones", "change of E[r]"])
    for row in rows {
      table.add([
        .text(row.algorithm), .count(row.size), .small(row.right), .small(row.wrong),
        .number(row.reward),
      ])
    }
    return LaboratoryReport(
      experiment: Self.name,
      finding: "Length says nothing about the reward here. Dividing by each response's length "
        + "shortens the right ones and lengthens the wrong ones at every group size; dividing by "
        + "all tokens of the group does the same, less so; a constant divisor does neither.",
      tables: [table],
      charts: [
        LaboratoryChart(
          "Mean length of wrong responses while training on the exact expected update, n = "
            + "\(Self.trainedSize)",
          curves.map { .init($0.algorithm, $0.wrongLength) })
      ])
  }

  // MARK: Parts

  /// Two to four tokens; `r` and `w` begin right and wrong responses that are otherwise alike.
  static let space: TabularSpace = {
    let tails = [".", "a.", "aaa"]
    return TabularSpace([
      TabularSpace.Question(
        responses: tails.map { "r" + $0 } + tails.map { "w" + $0 }, rewards: [1, 1, 1, 0, 0, 0])
    ])
  }()

  /// Lengths, and whether a response has the reward; for means given the reward.
  private static func weights(_ reward: Double) -> (lengths: [Double], members: [Double]) {
    let question = space.questions[0]
    return (
      question.responses.map { Double($0.count) }, question.rewards.map { $0 == reward ? 1 : 0 }
    )
  }

  static func meanLength(_ policy: TabularPolicy, reward: Double) -> Double {
    let (lengths, members) = weights(reward)
    return policy.mean(0, zip(lengths, members).map(*)) / policy.mean(0, members)
  }

  /// `∇_z E[length | reward] = Σ π (length − mean)·1[reward] ∇log π / P(reward)`.
  static func lengthGradient(_ policy: TabularPolicy, reward: Double) -> [Double] {
    let (lengths, members) = weights(reward)
    let mean = meanLength(policy, reward: reward)
    let mass = policy.mean(0, members)
    return policy.expectedGradient([
      zip(lengths, members).map { ($0 - mean) * $1 / mass }
    ])
  }

  private static func train(
    _ algorithm: Algorithm, from start: TabularPolicy
  ) throws(EstimatorError) -> Curve {
    var policy = start
    var curve = Curve(
      algorithm: "\(algorithm.name) (\(algorithm.form.rawValue))", wrongLength: [],
      meanReward: [])
    for _ in 0..<steps {
      curve.wrongLength.append(meanLength(policy, reward: 0))
      curve.meanReward.append(policy.meanReward)
      let update = try GradientMoments.exact(
        algorithm, size: trainedSize, start: policy, current: policy
      ).mean
      // Steps of one length, so that the normalisers' different scales do not matter.
      policy = try policy.moved(update, by: 0.1 / Vector.norm(update))
    }
    return curve
  }
}

public import Estimator

/// HPT against fixed mixtures of RL and SFT when demonstrations cover only the questions that the
/// policy cannot solve: half of the questions have a fair chance and no demonstration, the other half
/// one in ten thousand and a demonstrator, once always right and once right in six of ten cases.
///
/// All methods share HPT's terms (its paper's form) and the optimizer; only the gate differs.
public struct HybridAgainstMixtures: Experiment {
  public static let name = "hybrid"
  public static let summary = "HPT against fixed mixtures, demonstrations for hard questions only"

  /// Means over the seeds.
  public struct Row: Sendable {
    public var method: String
    /// How often the demonstrator is right.
    public var accuracy: Double
    /// Final E[r] on the questions that the policy could solve, on those it could not, and on all.
    public var easy: Double
    public var hard: Double
    public var all: Double
    /// Of the group decisions: those that imitated alone.
    public var imitatedShare: Double
    /// E[r] on all questions, at every step.
    public var curve: [Double]
  }

  public let rows: [Row]

  static let seeds: UInt64 = 5
  static let steps = 400
  static let accuracies = [1, 0.6]
  static let weights = [0.1, 0.3, 0.5, 0.7, 0.9]

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    var rows: [Row] = []
    for accuracy in Self.accuracies {
      let space = Self.space(accuracy: accuracy)
      for (method, gate) in Self.methods {
        var algorithm = try Algorithm.laboratory("hpt", .paper, in: space)
        algorithm.gate = gate
        try algorithm.validate()
        rows.append(try Self.train(method, algorithm, space, accuracy, settings.seed))
      }
    }
    self.rows = rows
  }

  /// The best fixed mixture under one demonstrator.
  public func bestMixture(accuracy: Double) -> Row? {
    rows.filter { $0.accuracy == accuracy && $0.method.hasPrefix("mixture") }
      .max { $0.all < $1.all }
  }

  public func row(_ method: String, accuracy: Double) -> Row? {
    rows.first { $0.method == method && $0.accuracy == accuracy }
  }

  public var report: LaboratoryReport {
    let tables = Self.accuracies.map { accuracy in
      var table = LaboratoryTable(
        "Final E[r] after \(Self.steps) steps, mean of \(Self.seeds) seeds; the demonstrator is "
          + "right in \(Int(100 * accuracy)) % of cases",
        ["method", "all", "solvable", "unsolvable", "imitated"])
      for row in rows where row.accuracy == accuracy {
        table.add([
          .text(row.method), .number(row.all), .number(row.easy), .number(row.hard),
          .percent(row.imitatedShare),
        ])
      }
      return table
    }
    let charts = Self.accuracies.map { accuracy in
      let shown = [
        row(Self.hybrid, accuracy: accuracy), bestMixture(accuracy: accuracy),
        row(Self.reinforcement, accuracy: accuracy),
      ].compactMap { $0 }
      return LaboratoryChart(
        "E[r] on all questions; the demonstrator is right in \(Int(100 * accuracy)) %",
        shown.map { .init($0.method, $0.curve) })
    }
    return LaboratoryReport(
      experiment: Self.name, finding: finding, tables: tables, charts: charts)
  }

  private var finding: String {
    Self.accuracies.compactMap { accuracy -> String? in
      guard let hybrid = row(Self.hybrid, accuracy: accuracy),
        let mixture = bestMixture(accuracy: accuracy)
      else { return nil }
      let difference = hybrid.all - mixture.all
      return "With a demonstrator that is right in \(Int(100 * accuracy)) % of cases HPT ends at "
        + "\(Ratio.text(hybrid.all, digits: 3)), the best fixed mixture (\(mixture.method)) at "
        + "\(Ratio.text(mixture.all, digits: 3)): HPT is \(difference > 0 ? "above" : "not above") "
        + "it."
    }.joined(separator: " ")
  }

  // MARK: Parts

  public static let hybrid = "HPT, γ = 0"
  public static let reinforcement = "RL alone"

  static let methods: [(String, Gate)] =
    [
      (reinforcement, Gate(.reinforce)), ("SFT alone", Gate(.imitate)),
      ("SFT 50 steps, then RL", Gate(.reinforce, imitationSteps: 50)),
    ]
    + weights.map { weight in
      (
        "mixture \(weight) SFT",
        Gate(
          .join, rolloutWeight: 1 - weight, offPolicyWeight: 0, demonstrationWeight: weight)
      )
    } + [
      (hybrid, Gate(.switch, thresholdShare: 0)),
      ("HPT, γ = 0.25", Gate(.switch, thresholdShare: 0.25)),
    ]

  /// Three questions without and three with a demonstrator; one response of each is right, and the
  /// demonstrator's slip is always the same wrong one.
  static func space(accuracy: Double) -> TabularSpace {
    TabularSpace(
      (0..<6).map { question in
        let right = (5 * question + 1) % 8
        let slip = (right + 3) % 8
        let demonstration = TabularSpace.octet.indices.map {
          $0 == right ? accuracy : $0 == slip ? 1 - accuracy : 0
        }
        return TabularSpace.Question(
          responses: TabularSpace.octet,
          rewards: TabularSpace.octet.indices.map { $0 == right ? 1 : 0 },
          demonstration: question < 3 ? nil : demonstration)
      })
  }

  /// The right response has a chance of 0.25, or of 1 in 10,000; the others share the rest.
  static func start(_ space: TabularSpace) throws(EstimatorError) -> TabularPolicy {
    try TabularPolicy(
      space,
      responses: space.questions.map { question in
        let chance = question.demonstration == nil ? 0.25 : 1e-4
        return question.rewards.map { $0 == 1 ? chance : (1 - chance) / 7 }
      })
  }

  private static func train(
    _ method: String, _ algorithm: Algorithm, _ space: TabularSpace, _ accuracy: Double,
    _ seed: UInt64
  ) throws(EstimatorError) -> Row {
    var row = Row(
      method: method, accuracy: accuracy, easy: 0, hard: 0, all: 0, imitatedShare: 0,
      curve: Array(repeating: 0, count: steps + 1))
    let share = 1 / Double(seeds)
    for index in 0..<seeds {
      var settings = TabularTraining.Settings()
      settings.seed = seed &+ index
      var training = TabularTraining(algorithm, from: try start(space), settings)
      for step in 0...steps {
        if step > 0 { try training.step() }
        row.curve[step] += share * training.policy.meanReward
      }
      let policy = training.policy
      let means = space.questions.indices.map { policy.mean($0, space.questions[$0].rewards) }
      row.easy += share * means[..<3].reduce(0, +) / 3
      row.hard += share * means[3...].reduce(0, +) / 3
      row.all += share * policy.meanReward
      row.imitatedShare += share * Double(training.imitated) / Double(training.groups)
    }
    return row
  }
}

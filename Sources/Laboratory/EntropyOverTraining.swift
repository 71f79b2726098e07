public import Estimator

/// Entropy of the policy while it trains under GRPO, DAPO and RiskPO: the same start, the same
/// learning rate, several updates on each batch so that clips act.
public struct EntropyOverTraining: Experiment {
  public static let name = "entropy"
  public static let summary = "entropy over training under GRPO, DAPO and RiskPO"

  /// Means over the seeds.
  public struct Curve: Sendable {
    public var algorithm: String
    /// Of the responses, in nats, before every step and at the end.
    public var entropy: [Double]
    public var meanReward: [Double]
    /// Tokens whose gradient a mask zeroed, and groups that were dropped.
    public var maskedShare: Double
    public var droppedShare: Double

    /// Entropy when E[r] first reaches `level`, linear between two steps; nil: it never does.
    public func entropy(atReward level: Double) -> Double? {
      guard let after = meanReward.firstIndex(where: { $0 >= level }) else { return nil }
      guard after > 0 else { return entropy[0] }
      let share =
        (level - meanReward[after - 1]) / (meanReward[after] - meanReward[after - 1])
      return entropy[after - 1] + share * (entropy[after] - entropy[after - 1])
    }
  }

  public let curves: [Curve]

  public static let group = "grpo (released)"
  public static let clipHigher = "dapo (released)"
  public static let risk = "riskpo (paper)"
  /// DAPO with GRPO's clip.
  public static let clipEven = "dapo, clip 0.2/0.2"
  /// The only one with a KL penalty, to the policy that training began with.
  public static let anchored = "grpo (paper), KL"

  static let seeds: UInt64 = 20
  static let steps = 150
  /// Rewards at which the entropies are compared.
  static let levels = [0.6, 0.7, 0.8, 0.9]

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    let space = TabularSpace.eight
    var risk = try Algorithm.laboratory("riskpo", .paper, in: space)
    risk.advantage.risk.bundleSize = 4
    // DAPO with GRPO's clip isolates what the higher clip does.
    var even = try Algorithm.laboratory("dapo", .released, in: space)
    even.rollouts.mask.clipHigh = even.rollouts.mask.clipLow
    let algorithms = [
      (Self.group, try Algorithm.laboratory("grpo", .released, in: space)),
      (Self.clipHigher, try Algorithm.laboratory("dapo", .released, in: space)),
      (Self.risk, risk), (Self.clipEven, even),
      (Self.anchored, try Algorithm.laboratory("grpo", .paper, in: space)),
    ]
    curves = try algorithms.map { (name, algorithm) throws(EstimatorError) in
      try Self.train(name, algorithm, space, settings.seed)
    }
  }

  public var report: LaboratoryReport {
    var table = LaboratoryTable(
      "Mean over \(Self.seeds) seeds; entropy of the responses in nats, also where E[r] first "
        + "reaches a level",
      ["algorithm", "H start", "H end", "E[r] end"] + Self.levels.map { "H at \($0)" }
        + ["masked", "dropped"])
    for curve in curves {
      table.add(
        [
          .text(curve.algorithm), .number(curve.entropy.first ?? .nan),
          .number(curve.entropy.last ?? .nan), .number(curve.meanReward.last ?? .nan),
        ]
          + Self.levels.map { level in
            curve.entropy(atReward: level).map { .number($0) } ?? .text("never")
          } + [.percent(curve.maskedShare), .percent(curve.droppedShare)])
    }
    let shown = Array(curves.prefix(3))
    return LaboratoryReport(
      experiment: Self.name, finding: finding, tables: [table],
      charts: [
        LaboratoryChart("Entropy of the responses", shown.map { .init($0.algorithm, $0.entropy) }),
        LaboratoryChart("E[r]", shown.map { .init($0.algorithm, $0.meanReward) }),
      ])
  }

  public func curve(_ algorithm: String) -> Curve? {
    curves.first { $0.algorithm == algorithm }
  }

  /// Every comparison is read off the curves; where one cannot be made it is left out.
  private var finding: String {
    var sentences: [String] = []
    let middle = Self.steps / 6
    if let risk = curve(Self.risk), let group = curve(Self.group) {
      sentences.append(
        "At step \(middle) RiskPO's entropy is \(Ratio.text(risk.entropy[middle])), GRPO's "
          + "\(Ratio.text(group.entropy[middle])), with E[r] \(Ratio.text(risk.meanReward[middle])) "
          + "and \(Ratio.text(group.meanReward[middle])).")
      if let own = risk.entropy(atReward: 0.8), let other = group.entropy(atReward: 0.8) {
        sentences.append(
          "Where E[r] is 0.8 they are \(Ratio.text(own)) and \(Ratio.text(other)): RiskPO keeps its "
            + "entropy \(own > other ? "better" : "by learning more slowly, not better").")
      }
    }
    if let high = curve(Self.clipHigher)?.entropy(atReward: 0.9),
      let even = curve(Self.clipEven)?.entropy(atReward: 0.9)
    {
      sentences.append(
        "DAPO's higher clip changes the entropy at E[r] = 0.9 from \(Ratio.text(even)) to "
          + "\(Ratio.text(high)).")
    }
    return sentences.joined(separator: " ")
  }

  private static func train(
    _ name: String, _ algorithm: Algorithm, _ space: TabularSpace, _ seed: UInt64
  ) throws(EstimatorError) -> Curve {
    let zeros = Array(repeating: 0.0, count: steps + 1)
    var curve = Curve(
      algorithm: name, entropy: zeros, meanReward: zeros, maskedShare: 0, droppedShare: 0)
    let share = 1 / Double(seeds)
    for index in 0..<seeds {
      var settings = TabularTraining.Settings()
      settings.updates = 8
      settings.learningRate = 0.03
      settings.seed = seed &+ index
      let start = try TabularPolicy.random(space, seed: seed &+ index, spread: 1)
      var training = TabularTraining(algorithm, from: start, settings)
      for step in 0...steps {
        if step > 0 { try training.step() }
        curve.entropy[step] += share * training.policy.responseEntropy
        curve.meanReward[step] += share * training.policy.meanReward
      }
      curve.maskedShare += share * training.diagnostics.maskedShare
      curve.droppedShare += share * Double(training.dropped) / Double(training.groups)
    }
    return curve
  }
}

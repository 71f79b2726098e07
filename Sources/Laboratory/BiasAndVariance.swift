public import Estimator

/// Bias and variance of the algorithms' gradient estimates against the true gradient of E[r], by
/// group size: once with the policy that drew the rollouts, and once with a policy that has moved on
/// since (the later updates of a step), where ratios and masks act.
///
/// Sums over all groups are exact; RiskPO, which looks across groups, is sampled.
public struct BiasAndVariance: Experiment {
  public static let name = "bias"
  public static let summary = "bias and variance of the algorithms' gradients, by group size"

  public struct Row: Sendable {
    /// Name and form, as in `pipeline algorithms`.
    public var algorithm: String
    public var size: Int
    /// Whether the policy is the one that drew the rollouts.
    public var isOnPolicy: Bool
    /// Between the expected estimate and the true gradient.
    public var cosine: Double
    /// Relative distance from the true gradient after the best scaling.
    public var bias: Double
    /// Standard deviation of the estimate from one group per question, as a multiple of its mean.
    public var noise: Double
    /// Standard error of the mean relative to its norm; 0 where the sum is exact.
    public var error: Double
  }

  public let rows: [Row]
  /// Cosine with the true gradient at group size 2, while the policy moves from the one that drew
  /// the rollouts to that of the second part, in 40 equal steps.
  public let drift: [(algorithm: String, cosine: [Double])]
  /// Smallest and largest `π_θ / π_old` of a token in the second part.
  public let ratios: ClosedRange<Double>

  /// What the first part compares. At ratio 1 several algorithms are one: gspo and sapo are
  /// grpo (paper), dapo (paper) differs from it in the normaliser only, cispo is grpo (released).
  static let onPolicy: [(String, Algorithm.Form?)] = [
    ("reinforce", .released), ("rloo", nil), ("dr_grpo", .paper), ("grpo", .paper),
    ("grpo", .released), ("dapo", .paper), ("opmd", nil), ("gvpo", .paper),
    ("offline_reinforce", nil), ("ppo", nil),
  ]
  static let offPolicy: [(String, Algorithm.Form?)] = [
    ("rloo", nil), ("dr_grpo", .paper), ("hpt", .released), ("grpo", .paper), ("dapo", .paper),
    ("gspo", nil), ("cispo", .paper), ("cispo", .released), ("sapo", nil), ("gvpo", .paper),
  ]

  static let drifting: [(String, Algorithm.Form?)] = [
    ("dr_grpo", .paper), ("hpt", .released), ("gspo", nil),
  ]

  static let draws = 2000

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    let space = TabularSpace.three
    let start = try TabularPolicy.random(space, seed: settings.seed, spread: 1)
    // Two random policies apart by up to 1 in each logit, so that some ratios leave every clip.
    let direction = try TabularPolicy.random(space, seed: settings.seed &+ 1, spread: 0.5).logits
    let moved = try start.moved(direction, by: 1)
    let logRatios = zip(moved.logProbabilities, start.logProbabilities).map { $0 - $1 }
    ratios = Ratio.range(logRatios)
    var rows: [Row] = []
    for (current, algorithms) in [(start, Self.onPolicy), (moved, Self.offPolicy)] {
      let isOnPolicy = current.logits == start.logits
      for (name, form) in algorithms {
        let algorithm = try Self.bare(name, form, space)
        for size in settings.groupSizes {
          let moments = try GradientMoments.exact(
            algorithm, size: size, start: start, current: current)
          rows.append(Row(name, form, size, isOnPolicy, moments, current.meanRewardGradient))
        }
      }
      let risk = try Self.risk(space)
      for size in settings.groupSizes {
        let memory = try Self.settled(risk, start, size: size, seed: settings.seed)
        let moments = try GradientMoments.sampled(
          risk, size: size, start: start, current: current, draws: Self.draws,
          seed: settings.seed, memory: memory)
        rows.append(
          Row("riskpo", .paper, size, isOnPolicy, moments, current.meanRewardGradient))
      }
    }
    self.rows = rows
    drift = try Self.drifting.map { (name, form) throws(EstimatorError) in
      let algorithm = try Self.bare(name, form, space)
      let cosines = try (0...40).map { point throws(EstimatorError) in
        let current = try start.moved(direction, by: Double(point) / 40)
        return try GradientMoments.exact(
          algorithm, size: 2, start: start, current: current
        ).cosine(current.meanRewardGradient)
      }
      return (Self.label(name, form), cosines)
    }
  }

  public var report: LaboratoryReport {
    var tables: [LaboratoryTable] = []
    for isOnPolicy in [true, false] {
      let part = rows.filter { $0.isOnPolicy == isOnPolicy }
      let policy =
        isOnPolicy
        ? "of the policy that drew the rollouts"
        : "of a policy that has moved on (token ratios from "
          + "\(Ratio.text(ratios.lowerBound)) to \(Ratio.text(ratios.upperBound)))"
      var table = LaboratoryTable(
        "Gradients \(policy)",
        ["algorithm", "n", "cosine", "bias", "noise", "± of the mean"])
      for row in part {
        table.add([
          .text(row.algorithm), .count(row.size), .number(row.cosine),
          .small(row.bias), .number(row.noise), .small(row.error),
        ])
      }
      tables.append(table)
    }
    return LaboratoryReport(
      experiment: Self.name, finding: finding, tables: tables, charts: [chart])
  }

  private var chart: LaboratoryChart {
    LaboratoryChart(
      "Cosine of the expected gradient with ∇E[r], n = 2",
      label: "40ths of the way to the second policy",
      drift.map { .init($0.algorithm, $0.cosine) })
  }

  /// Names of the algorithms whose bias is 0 at every size.
  public func unbiased(onPolicy: Bool) -> [String] {
    let part = rows.filter { $0.isOnPolicy == onPolicy }
    let biased = Set(part.filter { $0.bias > 1e-9 }.map(\.algorithm))
    return part.reduce(into: []) { names, row in
      if !biased.contains(row.algorithm), !names.contains(row.algorithm) {
        names.append(row.algorithm)
      }
    }
  }

  private var finding: String {
    let off = unbiased(onPolicy: false)
    return "On policy, \(unbiased(onPolicy: true).joined(separator: ", ")) point exactly along "
      + "∇E[r] at every group size; the others do not, and no group size here mends it. Once "
      + "the policy has moved, "
      + (off.isEmpty ? "none of them does." : "\(off.joined(separator: ", ")) still do.")
  }

  // MARK: Parts

  /// What is compared are estimates of ∇E[r]: no imitation of what nobody solves, no regularisers.
  private static func bare(
    _ name: String, _ form: Algorithm.Form?, _ space: TabularSpace
  ) throws(EstimatorError) -> Algorithm {
    var algorithm = try Algorithm.laboratory(name, form, in: space)
    algorithm.gate = Gate(.reinforce, spread: algorithm.gate.spread)
    algorithm.entropy = nil
    algorithm.kl = nil
    return algorithm
  }

  static func label(_ name: String, _ form: Algorithm.Form?) -> String {
    name + (form.map { " (\($0.rawValue))" } ?? "")
  }

  /// The paper's form with one bundle of all questions.
  static func risk(_ space: TabularSpace) throws(EstimatorError) -> Algorithm {
    var algorithm = try Algorithm.laboratory("riskpo", .paper, in: space)
    algorithm.advantage.risk.bundleSize = space.questions.count
    return algorithm
  }

  /// The tracked quantiles after 300 steps of a policy that stands still.
  static func settled(
    _ algorithm: Algorithm, _ policy: TabularPolicy, size: Int, seed: UInt64
  ) throws(EstimatorError) -> LaboratoryMemory {
    let sampler = GroupSampler(seed: seed &+ 1)
    var memory = LaboratoryMemory()
    for step in 0..<UInt64(300) {
      let groups = policy.space.questions.indices.map {
        sampler.group($0, size: size, key: step, probabilities: policy.probabilities($0))
      }
      _ = try LaboratoryStep(
        algorithm, groups: groups, start: policy, step: step, seed: seed, memory: &memory)
    }
    return memory
  }
}

extension BiasAndVariance.Row {
  fileprivate init(
    _ name: String, _ form: Algorithm.Form?, _ size: Int, _ isOnPolicy: Bool,
    _ moments: GradientMoments, _ truth: [Double]
  ) {
    algorithm = BiasAndVariance.label(name, form)
    self.size = size
    self.isOnPolicy = isOnPolicy
    cosine = moments.cosine(truth)
    bias = moments.bias(truth)
    noise = moments.noise
    error = moments.standardError / max(Vector.norm(moments.mean), .leastNormalMagnitude)
  }
}

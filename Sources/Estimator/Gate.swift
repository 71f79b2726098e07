/// How an algorithm treats one group: which rollouts train, what becomes of the demonstration, and
/// with which coefficients.
///
/// Scope: group. It reads verdicts and nothing of the policy. HPT (arXiv 2509.04419) writes its
/// decision as (α, β) = (f(P), g(P)) in `L = α·L_RL + β·L_SFT` with the rollout accuracy
/// `P = solved / n`. Here a third coefficient stands for the demonstration as an off-policy member
/// of the group, so that
///
///     L = α·L_rollouts + off·L_offPolicy + β·L_imitation
///
/// covers LUFFY and SRFT as well. `decide(_:memory:)` gives the decision; two filters may follow,
/// first the one within the group (GFPO), then the one over groups (DAPO).
public struct Gate: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// Every group trains on its rollouts: (α, off, β) = (1, 0, 0).
    case reinforce = "rl"
    /// Every group trains on its demonstration, its rollouts are not used: (0, 0, 1).
    case imitate = "sft"
    /// HPT: (0, 0, 1) if `P ≤ γ`, otherwise (1, 0, 0). Equality goes to imitation.
    case `switch`
    /// The demonstration is there in each group: (1, 1, 1). LUFFY (arXiv 2504.14945) lets it join
    /// only (`demonstrationWeight` 0); SRFT (arXiv 2506.19767) joins and imitates it.
    case join
    /// The tables of HPT's released trainer, by the number of solved rollouts.
    case soft
    /// (f(P), off(P), g(P)) as given.
    case table
    /// An imported pair of responses, chosen and rejected, and no rollouts: (0, 1, 0). For DPO.
    case pairs
  }

  public var kind: Kind

  /// `switch`: imitate when `solved ≤ count`, as the released trainer does.
  public var thresholdCount: Int
  /// `switch`: the released trainer's second threshold. Between the two it marks the demonstration
  /// as off-policy data, loses the mark and imitates it, so that the effective count is the larger
  /// of both; the rule then reads `switch_off_sft`.
  public var thresholdOffCount: Int?
  /// `switch`: `γ`; excludes the counts. Imitate when `solved / n ≤ γ`, decided on whole numbers as
  /// `solved ≤ ⌊γ·n + 1e-9⌋`, so that 0.1 + 0.2 is 0.3. Below 0 nothing is imitated, from 1 on
  /// everything.
  public var thresholdShare: Double?

  /// `soft`: which of the released tables 0, 1 and 2. They are made for 7 rollouts.
  public var softType: Int

  /// `table`: f, off and g at evenly spaced `P` from 0 to 1, linear between; n + 1 entries are read
  /// off exactly for n rollouts, a single one is a constant, none is 0 throughout.
  public var rolloutTable: [Double]
  public var offPolicyTable: [Double]
  public var demonstrationTable: [Double]

  /// At steps below this every group is imitated, whatever the kind: SFT first, RL after.
  public var imitationSteps: UInt64
  /// The number of a verdict that says *solved* by being exactly 1: `accuracy`, which is right or wrong
  /// however the reward is shaped by format and length, or another component, or `reward`.
  public var component: String

  /// Factors on α, off and β as the kind hands them out.
  public var rolloutWeight: Double
  public var offPolicyWeight: Double
  public var demonstrationWeight: Double

  /// Dynamic sampling (DAPO).
  public var spread: SpreadFilter?
  /// The filter within a group (GFPO).
  public var filter: SampleFilter?

  public init(
    _ kind: Kind, thresholdCount: Int = 0, thresholdOffCount: Int? = nil,
    thresholdShare: Double? = nil, softType: Int = 0, rolloutTable: [Double] = [],
    offPolicyTable: [Double] = [], demonstrationTable: [Double] = [], imitationSteps: UInt64 = 0,
    component: String = Gate.accuracy, rolloutWeight: Double = 1, offPolicyWeight: Double = 1,
    demonstrationWeight: Double = 1, spread: SpreadFilter? = nil, filter: SampleFilter? = nil
  ) {
    self.kind = kind
    self.thresholdCount = thresholdCount
    self.thresholdOffCount = thresholdOffCount
    self.thresholdShare = thresholdShare
    self.softType = softType
    self.rolloutTable = rolloutTable
    self.offPolicyTable = offPolicyTable
    self.demonstrationTable = demonstrationTable
    self.imitationSteps = imitationSteps
    self.component = component
    self.rolloutWeight = rolloutWeight
    self.offPolicyWeight = offPolicyWeight
    self.demonstrationWeight = demonstrationWeight
    self.spread = spread
    self.filter = filter
  }

  public var scope: PartScope { .group }

  /// The component that says whether an answer is right.
  public static let accuracy = "accuracy"

  /// *Solved* means equal to 1, not above 0: 0.5 and 0.999999 are not solved.
  public static func isSolved(_ value: Double) -> Bool { value == 1 }
}

extension Gate {
  /// Refuses parameters out of their range and those that exclude one another, by their keys:
  /// `gate.threshold_share`. Parameters that the kind does not read are not looked at.
  public func validate() throws(EstimatorError) {
    if component.isEmpty {
      throw .parameter(
        "gate.component", "it is empty", remedy: "Name a component of the verdict, or reward.")
    }
    for (key, weight) in [
      ("rl_weight", rolloutWeight), ("off_weight", offPolicyWeight),
      ("sft_weight", demonstrationWeight),
    ] {
      try Self.validate(weights: [weight], key: "gate.\(key)")
    }
    switch kind {
    case .reinforce, .imitate, .join, .pairs: break
    case .switch: try validateThresholds()
    case .soft: _ = try SoftMixTable(released: softType)
    case .table: try validateTables()
    }
    try filter?.validate("gate.filter")
    try spread?.validate("gate.spread")
  }

  private func validateThresholds() throws(EstimatorError) {
    guard let share = thresholdShare else { return }
    if !share.isFinite {
      throw .parameter("gate.threshold_share", "it is \(share)", remedy: "Give a share of n.")
    }
    if thresholdCount != 0 || thresholdOffCount != nil {
      throw .parameter(
        "gate", "threshold_share and the counts exclude one another", remedy: "Keep one of them.")
    }
  }

  private func validateTables() throws(EstimatorError) {
    try Self.validate(weights: rolloutTable, key: "gate.rl_table")
    try Self.validate(weights: offPolicyTable, key: "gate.off_table")
    try Self.validate(weights: demonstrationTable, key: "gate.sft_table")
    if rolloutTable.isEmpty, offPolicyTable.isEmpty, demonstrationTable.isEmpty {
      throw .parameter(
        "gate.rl_table", "`kind: table` has no table",
        remedy: "Give rl_table, sft_table or both: weights from P = 0 to P = 1.")
    }
  }

  private static func validate(weights: [Double], key: String) throws(EstimatorError) {
    for weight in weights where !(weight.isFinite && weight >= 0) {
      throw .parameter(key, "\(weight) is no weight", remedy: "Give a finite number from 0 on.")
    }
  }
}

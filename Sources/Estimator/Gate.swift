/// What the performance gate of an algorithm decides for one group, and by which rule.
///
/// Scope: group. It reads verdicts and nothing of the policy. HPT (arXiv 2509.04419) writes its
/// decision as (α, β) = (f(P), g(P)) in `L = α·L_RL + β·L_SFT` with the rollout accuracy
/// `P = solved / n`; the published algorithm is the switch
///
///     (α, β) = (1, 0)  if P > γ,     (0, 1)  if P ≤ γ.
public struct Gate: Sendable, Equatable {
  /// `γ`: where imitation ends. Equality goes to supervised fine-tuning.
  public enum Threshold: Sendable, Equatable {
    /// Imitate when `solved ≤ count`, as the released trainer does. `offCount` is its second
    /// threshold: between the two the released trainer marks the demonstration as off-policy data,
    /// loses the mark and imitates it, so that the effective count is the larger of both.
    case count(Int, offCount: Int?)
    /// Imitate when `solved / n ≤ γ`, decided as `solved ≤ ⌊γ·n + 1e-9⌋` on whole numbers, so that
    /// 0.1 + 0.2 is 0.3. Below 0 nothing is imitated, from 1 on everything.
    case share(Double)
  }

  public enum Rule: Sendable, Equatable {
    /// HPT.
    case `switch`(Threshold)
    /// Every group trains on its rollouts.
    case reinforce
    /// Every group trains on its demonstration; its rollouts, if any, are not used.
    case imitate
  }

  public var rule: Rule
  /// The component of the verdict that says *solved* by being exactly 1.
  public var component: String
  /// α of a group that trains on its rollouts.
  public var rolloutWeight: Double
  /// β of a group that trains on its demonstration.
  public var demonstrationWeight: Double

  public init(
    _ rule: Rule, component: String = "reward", rolloutWeight: Double = 1,
    demonstrationWeight: Double = 1
  ) {
    self.rule = rule
    self.component = component
    self.rolloutWeight = rolloutWeight
    self.demonstrationWeight = demonstrationWeight
  }

  public var scope: PartScope { .group }

  /// *Solved* means equal to 1, not above 0: 0.5 and 0.999999 are not solved.
  public static func isSolved(_ value: Double) -> Bool { value == 1 }

  /// The name under which YAML and reports know the rule.
  public var kind: String {
    switch rule {
    case .switch: "switch"
    case .reinforce: "rl"
    case .imitate: "sft"
    }
  }

  /// Decides for a group from the component `component` of its rollouts' verdicts.
  ///
  /// - Parameters:
  ///   - values: one number per rollout, in the group's order; may be empty (plain SFT).
  ///   - hasDemonstration: whether there is something to imitate.
  /// - Throws: `.notFinite` for a value that is no number: an error of the verifier must be dropped
  ///   with its own reason before the gate.
  public func decide(values: [Double], hasDemonstration: Bool) throws(EstimatorError)
    -> GateDecision
  {
    for (index, value) in values.enumerated() where !value.isFinite {
      throw .notFinite("the verdict's \(component)", value, row: index, token: 0)
    }
    return decide(solved: values.map(Gate.isSolved), hasDemonstration: hasDemonstration)
  }

  /// Decides for a group whose rollouts are `solved` or not.
  public func decide(solved flags: [Bool], hasDemonstration: Bool) -> GateDecision {
    let solved = flags.count { $0 }
    switch rule {
    case .reinforce:
      return reinforced(solved: solved, of: flags.count, rule: "rl")
    case .imitate:
      return imitated(
        solved: solved, of: flags.count, hasDemonstration: hasDemonstration, rule: "sft")
    case .switch(let threshold):
      switch threshold.imitates(solved: solved, of: flags.count) {
      case .no:
        return reinforced(solved: solved, of: flags.count, rule: "switch_rl")
      case .yes:
        return imitated(
          solved: solved, of: flags.count, hasDemonstration: hasDemonstration, rule: "switch_sft")
      case .byOffCount:
        return imitated(
          solved: solved, of: flags.count, hasDemonstration: hasDemonstration,
          rule: "switch_off_sft")
      }
    }
  }

  private func reinforced(solved: Int, of total: Int, rule: String) -> GateDecision {
    guard total > 0 else {
      return .dropped(.noRollouts, solved: solved, total: total, rule: rule)
    }
    return GateDecision(
      kept: Array(0..<total), demonstration: .unused, rolloutWeight: rolloutWeight,
      demonstrationWeight: 0, solved: solved, total: total, drop: nil, rule: rule)
  }

  private func imitated(solved: Int, of total: Int, hasDemonstration: Bool, rule: String)
    -> GateDecision
  {
    guard hasDemonstration else {
      return .dropped(.noDemonstration, solved: solved, total: total, rule: rule)
    }
    return GateDecision(
      kept: [], demonstration: .imitated, rolloutWeight: 0,
      demonstrationWeight: demonstrationWeight, solved: solved, total: total, drop: nil, rule: rule)
  }
}

extension Gate.Threshold {
  enum Answer: Equatable {
    case no
    case yes
    /// Above the first count and at or below the second.
    case byOffCount
  }

  /// Whether a group with `solved` of `total` rollouts right is imitated.
  func imitates(solved: Int, of total: Int) -> Answer {
    switch self {
    case .count(let count, let offCount):
      if solved <= count { return .yes }
      if let offCount, solved <= offCount { return .byOffCount }
      return .no
    case .share(let share):
      if share < 0 { return .no }
      let count = (share * Double(total) + 1e-9).rounded(.down)
      return Double(solved) <= count ? .yes : .no
    }
  }
}

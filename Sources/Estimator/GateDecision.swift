/// What becomes of a group, and why. Every group has exactly one.
public struct GateDecision: Sendable, Equatable {
  public enum DemonstrationUse: String, Sendable, CaseIterable {
    case unused
    /// Trained on by supervised fine-tuning, with weight β.
    case imitated
    /// A member of the group beside its rollouts, off-policy.
    case joins
  }

  /// Why nothing of a group trains.
  public enum Drop: String, Sendable, CaseIterable {
    /// Imitation was decided, and there is nothing to imitate.
    case noDemonstration = "no_demonstration"
    /// Reinforcement was decided, and the group has no rollouts.
    case noRollouts = "no_rollouts"
  }

  /// Indices of the rollouts that train, ascending.
  public var kept: [Int]
  public var demonstration: DemonstrationUse
  /// α.
  public var rolloutWeight: Double
  /// β.
  public var demonstrationWeight: Double
  /// Rollouts that are solved, of how many.
  public var solved: Int
  public var total: Int
  public var drop: Drop?
  /// The rule that decided: `rl`, `sft`, `switch_rl`, `switch_sft`, `switch_off_sft`.
  public var rule: String

  public init(
    kept: [Int], demonstration: DemonstrationUse, rolloutWeight: Double,
    demonstrationWeight: Double, solved: Int, total: Int, drop: Drop?, rule: String
  ) {
    self.kept = kept
    self.demonstration = demonstration
    self.rolloutWeight = rolloutWeight
    self.demonstrationWeight = demonstrationWeight
    self.solved = solved
    self.total = total
    self.drop = drop
    self.rule = rule
  }

  /// The rollout accuracy `P`; 0 for a group without rollouts.
  public var accuracy: Double { total == 0 ? 0 : Double(solved) / Double(total) }

  static func dropped(_ reason: Drop, solved: Int, total: Int, rule: String) -> GateDecision {
    GateDecision(
      kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0, solved: solved,
      total: total, drop: reason, rule: rule)
  }
}

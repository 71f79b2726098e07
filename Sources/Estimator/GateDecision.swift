/// What becomes of a group, and why. Every group has exactly one.
public struct GateDecision: Sendable, Equatable {
  public enum DemonstrationUse: String, Sendable, CaseIterable {
    case unused
    /// Trained on by supervised fine-tuning, with weight β.
    case imitated
    /// A member of the group beside its rollouts, off-policy (LUFFY, arXiv 2504.14945).
    case joins
    /// A member of the group, and imitated as well (SRFT, arXiv 2506.19767).
    case both
  }

  /// Why nothing of a group trains: the fixed texts of `drop`.
  public enum Drop {
    /// Imitation was decided, and there is nothing to imitate.
    public static let noDemonstration = "no_demonstration"
    /// Reinforcement was decided, and the group has no rollouts.
    public static let noRollouts = "no_rollouts"
    /// The rollouts that would train do not differ (dynamic sampling).
    public static let noSpread = "no_spread"
    /// The gate hands out no weight for anything that the group has.
    public static let zeroWeight = "zero_weight"
    /// A verdict lacks the component `name` that the gate reads.
    public static func componentMissing(_ name: String) -> String { "component_missing: \(name)" }
  }

  /// Indices of the rollouts that train, ascending.
  public var kept: [Int]
  /// Indices of rollouts that a sample filter rejected and that stay in the batch with `Â = 0`, so
  /// that normalizers count their tokens; ascending, none of them kept.
  public var idle: [Int]
  public var demonstration: DemonstrationUse
  /// α, the coefficient of the rollouts' term. It can be 0 beside kept rollouts: they then only
  /// share their statistics with a demonstration that joins them.
  public var rolloutWeight: Double
  /// The coefficient of the term of a demonstration that joins.
  public var offPolicyWeight: Double
  /// β, the coefficient of the term of a demonstration that is imitated.
  public var demonstrationWeight: Double
  /// Rollouts that are solved, of how many: before any filter.
  public var solved: Int
  public var total: Int
  /// Set when nothing of the group trains: a text of `Drop`.
  public var drop: String?
  /// The rule that decided: `rl`, `sft`, `schedule_sft`, `switch_rl`, `switch_sft`,
  /// `switch_off_sft`, `pairs`, `join`, `soft`, `table`, the last three also with `_none` for a group
  /// without a demonstration.
  public var rule: String

  public init(
    kept: [Int], idle: [Int] = [], demonstration: DemonstrationUse, rolloutWeight: Double,
    offPolicyWeight: Double = 0, demonstrationWeight: Double, solved: Int, total: Int,
    drop: String? = nil, rule: String
  ) {
    self.kept = kept
    self.idle = idle
    self.demonstration = demonstration
    self.rolloutWeight = rolloutWeight
    self.offPolicyWeight = offPolicyWeight
    self.demonstrationWeight = demonstrationWeight
    self.solved = solved
    self.total = total
    self.drop = drop
    self.rule = rule
  }

  /// The rollout accuracy `P`; 0 for a group without rollouts.
  public var accuracy: Double { total == 0 ? 0 : Double(solved) / Double(total) }

  /// The same group with nothing that trains.
  func dropped(_ reason: String) -> GateDecision {
    GateDecision(
      kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0, solved: solved,
      total: total, drop: reason, rule: rule)
  }
}

import Inspector
import Records

/// The lines of `inspect list`.
struct GroupTable {
  /// Marks shown of one group.
  private static let markLimit = 12

  private(set) var table = TextTable([
    .init("group", .right), .init("step", .right), .init("source", shrinks: true), .init("lv"),
    .init("solved", .right), .init("rewards"), .init("gate", shrinks: true),
    .init("tokens", .right), .init("prompt", shrinks: true),
  ])

  mutating func add(_ group: GroupSummary) {
    table.add([
      "\(group.group)", "\(group.step)", TerminalText.escaped(group.source),
      TerminalText.escaped(group.level ?? ""), Self.solved(group.solved, of: group.total),
      Self.marks(group.rewards), Self.decision(group), Self.lengths(group.lengths),
      TerminalText.escaped(String(group.prompt.prefix(200))),
    ])
  }

  static func solved(_ solved: Int?, of total: Int?) -> String {
    guard let solved, let total else { return "" }
    return "\(solved)/\(total)"
  }

  private static func marks(_ rewards: [Double?]) -> String {
    rewards.prefix(markLimit).map(RewardMark.mark).joined() + (rewards.count > markLimit ? "…" : "")
  }

  private static func decision(_ group: GroupSummary) -> String {
    switch group.fate {
    case .prompted, .generated, .verified: group.fate.rawValue
    case .dropped: "dropped: " + TerminalText.escaped(group.reason ?? "")
    case .imitated, .reinforced, .mixed: TerminalText.escaped(group.reason ?? "")
    }
  }

  private static func lengths(_ lengths: [Int]) -> String {
    guard let shortest = lengths.min(), let longest = lengths.max() else { return "" }
    return shortest == longest ? "\(shortest)" : "\(shortest)-\(longest)"
  }
}

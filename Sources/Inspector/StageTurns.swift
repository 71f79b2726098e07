import Stages

/// What the stages of a run did lately, turn by turn; runs of before that have no such file.
struct StageTurns: Sendable {
  static let file = "logs/activity.jsonl"
  /// Bytes of the log's end that are looked at: some thousand turns.
  private static let newest = 1 << 20

  /// By stage, oldest first.
  private var turns: [String: [StageActivity]] = [:]

  init(_ directory: RunDirectory) throws {
    var found: [String: [StageActivity]] = [:]
    try directory.activity.forEachTurn(newest: Self.newest) {
      found[$0.stage, default: []].append($0)
    }
    turns = found
  }

  func turns(of stage: StageName) -> [StageActivity] { turns[stage.rawValue] ?? [] }

  /// When the turn ended that made the item `index` of a stage's output: counted back from the last
  /// turn, whose items end at `head`.
  func end(of index: UInt64, by stage: StageName, head: UInt64) -> Double? {
    if stage == .loss { return turns(of: stage).last { $0.step == index }?.end }
    var first = head
    for turn in turns(of: stage).reversed() {
      first -= min(first, turn.groups)
      if first <= index { return turn.end }
    }
    return nil
  }
}

import Records
import Stages

/// What the stages of a run did lately, turn by turn, as the runner notes it in
/// `logs/activity.jsonl`; runs of before that have no such file.
struct StageTurns: Sendable {
  /// One turn of a stage, in which it made something that was committed.
  struct Turn: Sendable, Equatable {
    /// Seconds since 1970.
    var start: Double
    var end: Double
    /// Worked off; of the reader emitted.
    var groups: UInt64
    var step: UInt64?
  }

  static let file = "logs/activity.jsonl"

  /// By stage, oldest first.
  private(set) var turns: [String: [Turn]] = [:]

  init(_ directory: RunDirectory) throws(InspectorError) {
    let tail = try LineTail(
      path: "\(directory.path)/\(Self.file)",
      remedy: "Check its permissions, or remove it: only `status` and reports read it.")
    for line in tail.lines {
      guard let stage = line["stage"]?.string, let start = line["start"]?.double,
        let end = line["end"]?.double, end >= start
      else { continue }
      let count = line["groups"]?.integer.flatMap(UInt64.init(exactly:)) ?? 0
      let step = line["step"]?.integer.flatMap(UInt64.init(exactly:))
      turns[stage, default: []].append(Turn(start: start, end: end, groups: count, step: step))
    }
  }

  func turns(of stage: StageName) -> [Turn] { turns[stage.rawValue] ?? [] }

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

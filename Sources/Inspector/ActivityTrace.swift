import Files
import Records
public import Stages

/// When the stages of a run did what, in the Chrome trace event format (JSON object form): a process for
/// each process, a thread for each stage, a slice for each turn, and a counter of what waits for each
/// stage. Perfetto (https://ui.perfetto.dev) opens it.
public struct ActivityTrace {
  private let run: RunDirectory

  public init(_ run: RunDirectory) { self.run = run }

  /// Writes the trace piece by piece; times are microseconds from the first turn that is kept.
  /// - Returns: how many turns it holds.
  public func write(to sink: ([UInt8]) throws -> Void) throws -> Int {
    let name = PathParts.name(of: run.path)
    var first = Double.infinity
    try run.activity.forEachTurn { first = min(first, $0.start) }
    try sink(Self.head(name, first: first.isFinite ? first : 0))
    var events = TraceEvents(of: name, first: first)
    var count = 0
    try run.activity.forEachTurn { activity in
      let made = events.events(of: activity)
      try sink(Array((count == 0 ? "\n" : ",\n").utf8) + made.joined(separator: ",\n".utf8))
      count += 1
    }
    try sink(Array("\n]}\n".utf8))
    return count
  }

  private static func head(_ name: String, first: Double) -> [UInt8] {
    var text = JSONText()
    text.open("{")
    text.member("displayTimeUnit", "ms")
    text.key("otherData")
    text.open("{")
    text.member("run", name)
    text.key("unix_seconds_at_0")
    text.literal("\(first)")
    text.close("}")
    text.key("traceEvents")
    text.open("[")
    return text.bytes
  }
}

/// What turns become in a trace.
private struct TraceEvents {
  private let run: String
  private let first: Double
  private var known: Set<[Int]> = []
  /// What waits for each stage, as far as the turns so far tell.
  private var waiting: [StageName: UInt64] = [:]

  init(of run: String, first: Double) {
    self.run = run
    self.first = first
  }

  mutating func events(of activity: StageActivity) -> [[UInt8]] {
    guard let stage = StageName(rawValue: activity.stage),
      let thread = StageName.allCases.firstIndex(of: stage)
    else { preconditionFailure("the log holds a stage \(activity.stage)") }
    let place = [Int(activity.process), thread]
    return introductions(place, stage) + [turn(activity, place)]
      + depths(stage, activity).map { counter($0, activity, place) }
  }

  private func time(_ seconds: Double) -> Int { Int((seconds - first) * 1e6) }

  private func turn(_ activity: StageActivity, _ place: [Int]) -> [UInt8] {
    let (start, end) = (time(activity.start), time(activity.end))
    let title = activity.step.map { "step \($0)" } ?? activity.stage
    return event("X", title, place) { text in
      text.member("cat", activity.stage)
      text.number("ts", start)
      text.number("dur", end - start)
      text.arguments { arguments in
        if let step = activity.step { arguments.number("step", step) }
        arguments.number("groups", activity.groups)
      }
    }
  }

  /// Names of processes and threads, before their first turn.
  private mutating func introductions(_ place: [Int], _ stage: StageName) -> [[UInt8]] {
    var events: [[UInt8]] = []
    if known.insert([place[0]]).inserted {
      events.append(event("M", "process_name", place) { $0.arguments { $0.member("name", run) } })
    }
    guard known.insert(place).inserted else { return events }
    events.append(
      event("M", "thread_name", place) { $0.arguments { $0.member("name", stage.longName) } })
    events.append(
      event("M", "thread_sort_index", place) { text in
        text.arguments { $0.number("sort_index", place[1]) }
      })
    return events
  }

  /// The stage knows what still waits for it; what it made waits for the next one.
  /// - Returns: the stages for which that changed.
  private mutating func depths(_ stage: StageName, _ activity: StageActivity) -> [StageName] {
    if stage != .reader { waiting[stage] = activity.queued }
    let next = StageName.allCases.drop { $0 != stage }.dropFirst().first
    if let next {
      // A batch, or none where a further wave was asked for.
      waiting[next, default: 0] += stage == .loss ? min(activity.groups, 1) : activity.groups
    }
    return (stage == .reader ? [] : [stage]) + (next.map { [$0] } ?? [])
  }

  private func counter(
    _ stage: StageName, _ activity: StageActivity, _ place: [Int]
  ) -> [UInt8] {
    event("C", "waiting for \(stage.rawValue)", place) { text in
      text.number("ts", time(activity.end))
      text.arguments { $0.number("waiting", waiting[stage] ?? 0) }
    }
  }

  private func event(
    _ phase: String, _ name: String, _ place: [Int], _ rest: (inout JSONText) -> Void
  ) -> [UInt8] {
    var text = JSONText()
    text.open("{")
    text.member("ph", phase)
    text.member("name", name)
    text.number("pid", place[0])
    text.number("tid", place[1])
    rest(&text)
    text.close("}")
    return text.bytes
  }
}

extension JSONText {
  fileprivate mutating func number(_ name: String, _ value: some BinaryInteger) {
    key(name)
    literal("\(value)")
  }

  fileprivate mutating func arguments(_ put: (inout JSONText) -> Void) {
    key("args")
    open("{")
    put(&self)
    close("}")
  }
}

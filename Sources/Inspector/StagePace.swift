import Foundation
import Queue
import Records
import Stages

/// How fast the stages of a run work, as far as that is recorded: by the activity log, else by the
/// seconds that records and metrics carry.
struct StagePace: Sendable {
  /// Items a second of the stage's own time, and where that stands.
  struct Rate: Sendable {
    var value: Double
    var record: String
  }

  /// Records, turns or steps that a figure is made of at most.
  private static let window = 16

  private(set) var rates: [StageName: Rate] = [:]
  /// From step to step: median of the optimizer's commits, else what the recorded work sums to.
  private(set) var secondsPerStep: Rate?

  /// - Parameter promptsPerStep: groups of a step where no gate asks for more.
  init(
    _ transaction: ReadTransaction, _ turns: StageTurns, _ metrics: MetricsTail,
    promptsPerStep: Int
  ) throws {
    for stage in StageName.allCases {
      rates[stage] = Self.rate(of: stage, turns)
    }
    if rates[.rollout] == nil { rates[.rollout] = try Self.generation(transaction) }
    if rates[.verifier] == nil { rates[.verifier] = try Self.verification(transaction) }
    if rates[.optimizer] == nil { rates[.optimizer] = Self.optimization(metrics) }
    secondsPerStep = Self.interval(turns) ?? work(promptsPerStep)
  }

  private static func rate(of stage: StageName, _ turns: StageTurns) -> Rate? {
    let last = turns.turns(of: stage).suffix(window)
    let busy = last.reduce(0) { $0 + $1.end - $1.start }
    let items =
      stage == .optimizer
      ? UInt64(Set(last.compactMap(\.step)).count) : last.reduce(0) { $0 + $1.groups }
    guard busy > 0, items > 0 else { return nil }
    return Rate(
      value: Double(items) / busy, record: "\(StageTurns.file), last \(last.count) turns")
  }

  private static func generation(_ transaction: ReadTransaction) throws -> Rate? {
    try rate(.rollouts, transaction) {
      try transaction.record(RolloutRecord.self, .rollouts, $0)?.seconds
    }
  }

  private static func verification(_ transaction: ReadTransaction) throws -> Rate? {
    try rate(.verdicts, transaction) {
      try transaction.record(VerdictRecord.self, .verdicts, $0)?.seconds.reduce(0, +)
    }
  }

  /// Over the last groups of a log whose records say how long they took.
  private static func rate(
    _ log: Log, _ transaction: ReadTransaction, _ seconds: (RecordKey) throws -> Double?
  ) throws -> Rate? {
    let head = try transaction.head(log)
    let first = max(try RunBase(transaction).group, head - min(head, UInt64(window)))
    guard first < head else { return nil }
    let known = try (first..<head).compactMap { try seconds(RecordKey($0)) }.filter { $0 > 0 }
    guard !known.isEmpty else { return nil }
    return Rate(
      value: Double(known.count) / known.reduce(0, +),
      record: "\(log.rawValue)/\(first) to \(head - 1), seconds")
  }

  private static func optimization(_ metrics: MetricsTail) -> Rate? {
    let known = metrics.series("seconds/optimizer").suffix(window).filter { $0 > 0 }
    guard !known.isEmpty else { return nil }
    return Rate(
      value: Double(known.count) / known.reduce(0, +),
      record: "metrics.jsonl, last \(known.count) steps, seconds/optimizer")
  }

  private static func interval(_ turns: StageTurns) -> Rate? {
    let ends = turns.turns(of: .optimizer).suffix(window + 1).map(\.end)
    let between = zip(ends, ends.dropFirst()).map { $1 - $0 }.filter { $0 > 0 }.sorted()
    guard !between.isEmpty else { return nil }
    return Rate(
      value: between[between.count / 2],
      record: "\(StageTurns.file), median of the last \(between.count) steps")
  }

  /// What a step takes when the stages take turns and nothing else happens.
  private func work(_ promptsPerStep: Int) -> Rate? {
    guard let optimizer = rates[.optimizer] else { return nil }
    let groups = [StageName.rollout, .verifier].compactMap { rates[$0] }
    let seconds =
      1 / optimizer.value + groups.reduce(0) { $0 + Double(promptsPerStep) / $1.value }
    return Rate(
      value: seconds, record: (groups + [optimizer]).map(\.record).joined(separator: " + "))
  }
}

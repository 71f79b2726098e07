import Foundation
import Queue
import Records
import Stages
import Testing

@Suite struct RetentionTests {
  private static let window = [
    statedBound, ("retention.steps", "2"), ("checkpoint.every", "2"), ("checkpoint.keep", "1"),
  ]

  /// An undisturbed run that keeps everything: its metrics (timings aside), summary and digests.
  private struct Outcome: Equatable {
    var metrics: [[String: Double]]
    var weights: String
    var tokens: UInt64
    var rawBytes: UInt64
    var gate: [String: Summary.Gate]
    var accuracy: [String: Double]
  }

  private func outcome(_ run: Run) throws -> Outcome {
    let summary = try run.summary(state: .done, wallSeconds: 0, evaluation: .init())
    return Outcome(
      metrics: try stableMetrics(run.directory), weights: summary.weightsSHA256,
      tokens: summary.generatedTokens, rawBytes: summary.rawBytes, gate: summary.gate,
      accuracy: summary.rolloutAccuracy)
  }

  private func logs(_ run: Run, from base: RunBase) throws -> [String] {
    try Log.allCases.map { log in
      let isByGroup = [.prompts, .rollouts, .verdicts, .decisions].contains(log)
      let start = RecordKey(isByGroup ? base.group : base.step)
      return "\(log) \(try run.queue.digest(log, from: start))"
    }
  }

  /// Runs to the end in sessions of `limit` steps.
  private func finish(_ folder: TemporaryRun, limit: UInt64?) throws -> Run {
    while true {
      let run = try Run(opening: folder.directory)
      let session = try RunSession(
        run, stages: StageName.allCases, publishes: false, interruption: Interruption())
      if try session.work(limit: limit) == .finished { return run }
    }
  }

  private static let algorithms: [[(String, String)]] = [
    [],
    // Waves of dynamic sampling.
    [
      ("algorithm.name", "dapo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.gate.spread.maximum_waves", "2"),
      ("algorithm.gate.spread.when_short", "train"),
    ],
    // State of the gate (running percentiles), and of the assembler (quantiles).
    [
      ("algorithm.gate.filter.keep", "2"), ("algorithm.gate.filter.adaptive", "[2, 2, 1, 1]"),
      ("algorithm.gate.filter.warmup", "2"), ("algorithm.gate.filter.window", "7"),
    ],
    [
      ("algorithm.name", "riskpo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.advantage.risk.bundle", "2"),
    ],
  ]

  @Test(arguments: 0..<4) func aTrimmedRunEndsAsOneThatKeepsEverything(algorithm: Int) throws {
    let keys = [statedBound, ("steps", "12")] + Self.algorithms[algorithm]
    let whole = try TemporaryRun(prompts: sums(18))
    try Run.create(try whole.definition(keys), at: whole.directory)
    let complete = try finish(whole, limit: nil)
    let expected = try outcome(complete)
    for limit in [nil, 6, 13] as [UInt64?] {
      let folder = try TemporaryRun(prompts: sums(18))
      try Run.create(try folder.definition(keys + Self.window), at: folder.directory)
      let run = try finish(folder, limit: limit)
      let base = try run.ledger.base
      #expect(base.step >= 6 && base.step <= 10, "limit \(limit ?? 0): base \(base.step)")
      #expect(try outcome(run) == expected, "limit \(limit ?? 0)")
      #expect(try logs(run, from: base) == logs(complete, from: base), "limit \(limit ?? 0)")
      #expect(try run.queue.read { try $0.keys(.rollouts, count: 1).first?.id } == base.group)
    }
  }

  /// Like the queue, what counts repeated work holds no more than what is kept: with every session, and
  /// in a long one now and then.
  @Test func theAttemptLogLosesWhatIsTrimmed() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(
      try folder.definition([("steps", "12")] + Self.window), at: folder.directory)
    do {
      let run = try Run(opening: folder.directory)
      let session = try RunSession(
        run, stages: StageName.allCases, publishes: false, interruption: Interruption())
      _ = try session.work(limit: 9 * 6)
      #expect(try run.attempts.attempts().keys.min() == 0)
    }
    let trimmed = try Ledger(
      queue: Queue.open(at: folder.directory.queue, access: .readOnly)
    ).base.group
    #expect(trimmed > 0)
    let run = try finish(folder, limit: nil)
    #expect(try #require(run.attempts.attempts().keys.min()) >= trimmed)
  }

  @Test func theQueueStopsGrowing() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(
      try folder.definition([("steps", "150"), ("loss.epochs", "1")] + Self.window),
      at: folder.directory)
    let run = try Run(opening: folder.directory)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    var used: [Int] = []
    _ = try session.work(report: { _ in used.append(run.queue.mapUse.used) })
    #expect(used.count == 150)
    #expect(used[149] <= used[49], "\(used)")
  }

  @Test func linesOfTrimmedStepsAreKeptAndAChangedOneIsSaid() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(
      try folder.definition([("steps", "9")] + Self.window), at: folder.directory)
    do { _ = try finish(folder, limit: nil) }
    let path = folder.directory.metrics
    let text = try String(contentsOfFile: path, encoding: .utf8)
    func open(_ changed: String?) throws {
      if let changed {
        try changed.write(toFile: path, atomically: true, encoding: .utf8)
      } else {
        try FileManager.default.removeItem(atPath: path)
      }
      _ = try RunSession(
        try Run(opening: folder.directory), stages: [.optimizer], publishes: false,
        interruption: Interruption())
    }
    var lines = text.split(separator: "\n").map(String.init)
    #expect(lines.count == 9)
    let first = lines[0]
    lines[0] = first.replacingOccurrences(of: "\"updates\":4", with: "\"updates\":5")
    #expect(lines[0] != first)
    let error = #expect(throws: StageError.self) {
      try open(lines.joined(separator: "\n") + "\n")
    }
    #expect(error?.location == path && error?.exitStatus == .corrupt)
    // Removed, the run goes on without them, now and later.
    for _ in 0..<2 {
      try open(nil)
      try open(try String(contentsOfFile: path, encoding: .utf8))
    }
  }
}

/// The lines of metrics.jsonl without times, rates and memory.
func stableMetrics(_ directory: RunDirectory) throws -> [[String: Double]] {
  try String(contentsOfFile: directory.metrics, encoding: .utf8).split(separator: "\n").map {
    let fields = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double]
    return (fields ?? [:]).filter { name, _ in
      !["seconds/", "tokens_per_second/", "memory/"].contains { name.hasPrefix($0) }
    }
  }
}

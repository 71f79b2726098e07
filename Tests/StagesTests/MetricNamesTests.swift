import Foundation
import Metrics
import Policy
import Queue
import Records
import Stages
import Testing

@Suite struct MetricNamesTests {
  /// Together they have every branch in which a metric is made: imitation, critic, waves, members that are
  /// demonstrations, a KL penalty, passes before the update.
  private static let definitions: [[(String, String)]] = [
    [("algorithm.name", "hpt")],
    [("algorithm.name", "ppo"), ("algorithm.aggregation.constant", "null")],
    [
      ("algorithm.name", "dapo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.gate.spread.maximum_waves", "2"), ("algorithm.gate.spread.when_short", "train"),
    ],
    [("algorithm.name", "luffy"), ("algorithm.off_aggregation.constant", "16")],
    [
      ("algorithm.name", "grpo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.kl.weight", "0.05"), ("algorithm.kl.kind", "k3"),
    ],
  ]

  @Test func everyMetricThatRunsWriteIsRegisteredAndEveryRegisteredOneIsWritten() throws {
    var seen: Set<String> = []
    for keys in Self.definitions {
      let folder = try TemporaryRun(prompts: sums(18))
      let run = try folder.create(keys)
      let session = try RunSession(
        run, stages: StageName.allCases, publishes: false, interruption: Interruption())
      #expect(try session.work() == .finished)
      let lines = try MetricLines.read(folder.directory)
      #expect(lines.map(\.step) == [0, 1, 2])
      for line in lines {
        let batch = try run.ledger.existing(LossBatchRecord.self, .batches, line.step)
        let update = try run.ledger.existing(UpdateRecord.self, .updates, line.step)
        let volatile = Set(update.timings.map(\.name))
        let trained = Set(update.metrics.map(\.name)).union(volatile)
        let assembled = Set(batch.metrics.map(\.name))
        #expect(line.values.count == trained.count + assembled.count, "one name, one number")
        for (name, _) in line.values {
          let metric = try #require(MetricRegistry.metric(name), "\(name) is not registered")
          #expect((metric.stage.log == "batches") == assembled.contains(name), "\(name)")
          #expect(metric.isVolatile == volatile.contains(name), "\(name)")
          seen.insert(metric.name)
        }
      }
      try expectAlwaysThere(lines)
    }
    let never = Set(MetricRegistry.all.map(\.name)).subtracting(seen)
    #expect(never.isEmpty, "no run writes \(never.sorted())")
  }

  /// What does not say when it is missing never is.
  private func expectAlwaysThere(_ lines: [MetricLine]) throws {
    for line in lines {
      let names = Set(line.values.map(\.name))
      let missing = MetricRegistry.all.filter { $0.presence == nil && !names.contains($0.name) }
      #expect(missing.isEmpty, "step \(line.step): \(missing.map(\.name))")
    }
  }

  @Test func whatIsNotFiniteStandsAsTextAndReadsBack() throws {
    let folder = try TemporaryRun(prompts: sums(1))
    let ledger = try folder.ledger()
    try ledger.claim(.loss)
    try ledger.claim(.optimizer)
    let values = [("a", Double.nan), ("b", .infinity), ("c", -.infinity), ("d", 0.1)]
    try ledger.put(
      [
        LossBatchRecord(
          step: 0, firstGroup: 0, endGroup: 1, groups: [], updates: [],
          metrics: values.map { Measurement($0.0, $0.1) })
      ], .batches, by: .loss)
    try ledger.put(
      [
        UpdateRecord(
          step: 0, weightsDigest: [], criticDigest: [], adamUpdates: 0, metrics: [], updates: [],
          timings: [])
      ], .updates, by: .optimizer)
    let line = try MetricsFile.line(of: 0, ledger)
    let text = #"{"a":"NaN","b":"Infinity","c":"-Infinity","d":0.1,"step":0}"# + "\n"
    #expect(String(decoding: line, as: UTF8.self) == text)
    let read = try MetricLine(json: line.dropLast(), location: "metrics.jsonl")
    #expect(read.values.map(\.value.bitPattern) == values.map(\.1.bitPattern))
  }
}

/// A run's `metrics.jsonl`.
enum MetricLines {
  static func read(_ run: RunDirectory) throws -> [MetricLine] {
    try Data(contentsOf: URL(fileURLWithPath: run.metrics)).split(separator: UInt8(ascii: "\n"))
      .map { try MetricLine(json: $0, location: run.metrics) }
  }
}

import Definition
import Foundation
import Queue
import Records
import Stages
import Testing

/// What a run is at its end: all records, metrics and weights.
struct FinalState: Equatable {
  var logs: [String]
  var metrics: [[String: Double]]
  var weights: String

  init(_ run: Run) throws {
    logs = try digests(run.queue)
    metrics = try stableMetrics(run.directory)
    weights = try run.digestText(version: UInt64(run.settings.steps))
  }
}

/// Works a run off to its end; a queue is open once in a process, so nobody else may hold the run.
func finish(
  _ directory: RunDirectory, overrides: [(key: String, value: String)] = []
) throws -> FinalState {
  let run = try Run(opening: directory, overrides: overrides)
  let session = try RunSession(
    run, stages: StageName.allCases, publishes: run.settings.rollout.lag > 0,
    interruption: Interruption())
  let end = try session.work()
  guard end == .finished else {
    throw StageError(.badRun, at: directory.path, "it ended with \(end)", remedy: "")
  }
  return try FinalState(run)
}

/// One stage's turns in a session of its own, as a process that ends would leave it.
func work(_ run: Run, _ stages: [StageName], limit: UInt64? = nil) throws -> Runner.End {
  let session = try RunSession(
    run, stages: stages, publishes: true, interruption: Interruption())
  defer { run.ledger.releaseClaims() }
  return try session.work(limit: limit)
}

/// Where the bound is stated nobody measures what the product kernel allows, which costs more than these small
/// runs themselves.
let statedBound = ("optimizer.mismatch_bound", "1e-4")

/// Algorithms that differ in what stages remember and models hold.
enum Kind: String, CaseIterable {
  case plain
  /// Waves of dynamic sampling.
  case waves
  /// Running percentiles in the gate.
  case percentiles
  /// Quantiles in the loss assembler.
  case quantiles
  case critic
  /// Rollouts of the policy two versions before.
  case lag

  var keys: [(String, String)] {
    switch self {
    case .plain: []
    case .waves:
      [
        ("algorithm.name", "dapo"), ("algorithm.form", "paper"),
        ("algorithm.aggregation.constant", "null"),
        ("algorithm.gate.spread.maximum_waves", "3"),
        ("algorithm.gate.spread.when_short", "train"),
      ]
    case .percentiles:
      [
        ("algorithm.gate.filter.keep", "2"), ("algorithm.gate.filter.adaptive", "[2, 2, 1, 1]"),
        ("algorithm.gate.filter.warmup", "2"), ("algorithm.gate.filter.window", "7"),
      ]
    case .quantiles:
      [
        ("algorithm.name", "riskpo"), ("algorithm.form", "paper"),
        ("algorithm.aggregation.constant", "null"), ("algorithm.advantage.risk.bundle", "2"),
      ]
    case .critic:
      [
        ("algorithm.name", "ppo"), ("algorithm.form", "paper"),
        ("algorithm.aggregation.constant", "null"),
      ]
    case .lag:
      [("rollout.lag", "2"), ("optimizer.mismatch_bound", "10")]
    }
  }
}

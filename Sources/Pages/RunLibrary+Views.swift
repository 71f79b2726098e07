import Conditions
import Foundation
import Inspector
import Queue
import Records
import Stages

/// How far a run has come: what tells a page that there is something new.
public struct RunRevision: Sendable, Equatable, Encodable {
  public var run: String
  /// Number of the queue's last commit.
  public var commit: UInt64
  public var step: UInt64
  public var state: String
}

extension RunLibrary {
  /// The JSON of a view.
  ///
  /// - Parameters:
  ///   - path: as `runs`, `NAME`, `groups`, `12`.
  ///   - query: its parameters, decoded.
  /// - Throws: `PagesError`, `ConditionError`, and what reading a run throws.
  public func view(_ path: [String], query: [String: String]) throws -> [UInt8] {
    func parameters(_ names: Set<String> = []) throws -> PageQuery {
      try PageQuery(query, known: names)
    }
    let rest = Array(path.dropFirst(2))
    switch (path.first, path.count, rest.first) {
    case ("runs", 1, _):
      _ = try parameters()
      return try PageJSON.encode(RunListView(self))
    case ("compare", 1, _):
      return try PageJSON.encode(ComparisonView(self, parameters(["runs"])))
    case ("runs", 2, _):
      _ = try parameters()
      return try PageJSON.encode(RunView(run(path[1])))
    case ("runs", 3, "metrics"):
      _ = try parameters()
      return try PageJSON.encode(MetricsView(run(path[1])))
    case ("runs", 3, "gate"):
      return try PageJSON.encode(GateView(run(path[1]), parameters(["from", "count", "sort"])))
    case ("runs", 3, "groups"):
      let known: Set = ["where", "sort", "descending", "limit", "from"]
      return try PageJSON.encode(GroupListView(run(path[1]), parameters(known)))
    case ("runs", 4, "groups"):
      _ = try parameters()
      guard let group = GroupID(rest[1]) else { break }
      return try PageJSON.encode(GroupPageView(run(path[1]), group))
    case ("runs", 3, "audit"):
      _ = try parameters()
      return try PageJSON.encode(AuditView(run(path[1])))
    case ("runs", 3, "pipeline"):
      _ = try parameters()
      return try PageJSON.encode(PipelineView(run(path[1])))
    default: break
    }
    throw PagesError(
      .notFound, at: path.joined(separator: "/").shortened, "there is no such view",
      remedy: "The first page leads to all of them.")
  }

  /// How far a run has come; cheap, for looking often.
  public func revision(of key: String) throws -> RunRevision {
    let run = try run(key)
    let step = try run.stored.queue.read { try $0.cursor(StageName.optimizer.rawValue) }
    return RunRevision(
      run: key, commit: run.stored.queue.lastCommit, step: step,
      state: try run.stored.isRunning() ? "running" : "stopped")
  }
}

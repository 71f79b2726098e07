import Foundation
import Records
import Synchronization

/// The replies of judges, kept in a run's folder as they come, so that nothing is asked twice: neither
/// after a kill nor for the same response in another place.
///
/// A line of `judgements.jsonl` is durable before the reply is used; what a torn one said is asked again.
/// Threads may share a store, processes a file (`AppendedLines`).
public final class JudgementStore: Sendable {
  public static let fileName = "judgements.jsonl"

  private struct State {
    var scores: [String: Judgement] = [:]
    /// Keys that somebody asks for.
    var asked: Set<String> = []
    var costs: [String: JudgeCost] = [:]
    var isRead = false
  }

  private let file: AppendedLines?
  private let state = Mutex(State())
  private let changed = NSCondition()

  /// - Parameter folder: nil keeps them in memory alone.
  init(folder: String?) { file = folder.map { AppendedLines("\($0)/\(Self.fileName)") } }

  /// What the replies in several folders came to together, by model.
  public static func costs(in folders: [String]) throws -> [JudgeCost] {
    var costs: [String: JudgeCost] = [:]
    for folder in folders {
      let store = JudgementStore(folder: folder)
      try store.read()
      for cost in store.costs { costs[cost.model, default: JudgeCost(model: cost.model)] += cost }
    }
    return costs.sorted { $0.key < $1.key }.map(\.value)
  }

  /// By the models' names.
  var costs: [JudgeCost] {
    state.withLock { $0.costs.sorted { $0.key < $1.key }.map(\.value) }
  }

  /// The stored score; else nil, and whoever asked must call `release` when it has asked outside.
  /// Waits while another thread asks for the same.
  func claim(_ key: String) throws -> Judgement? {
    try read()
    while true {
      let (known, isMine) = state.withLock { state in
        (state.scores[key], state.scores[key] == nil && state.asked.insert(key).inserted)
      }
      if let known { return known }
      if isMine { return nil }
      changed.lock()
      _ = changed.wait(until: Date(timeIntervalSinceNow: 0.05))
      changed.unlock()
    }
  }

  func release(_ key: String) {
    _ = state.withLock { $0.asked.remove(key) }
    changed.lock()
    changed.broadcast()
    changed.unlock()
  }

  /// Keeps a reply: durable when this returns.
  func add(_ judgement: Judgement) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = Array(try encoder.encode(judgement))
    try state.withLock { state throws(JudgeError) in
      try file?.append(line)
      Self.count(judgement, &state)
    }
  }

  private static func count(_ judgement: Judgement, _ state: inout State) {
    state.costs[judgement.model, default: JudgeCost(model: judgement.model)].add(judgement)
    if judgement.score != nil { state.scores[judgement.key] = judgement }
  }

  private func read() throws(JudgeError) {
    try state.withLock { state throws(JudgeError) in
      guard !state.isRead, let file else { return }
      let decoder = JSONDecoder()
      for (index, line) in try file.lines().enumerated() {
        do { Self.count(try decoder.decode(Judgement.self, from: Data(line)), &state) } catch {
          throw JudgeError(
            .damaged, at: "\(file.path):\(index + 1)", "the line is no reply of a judge",
            remedy: "Delete the line: what it held is asked again.")
        }
      }
      state.isRead = true
    }
  }
}

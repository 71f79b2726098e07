import Files
import Foundation
import Records
import Synchronization

/// The replies of judges, kept in a run's folder as they come, so that nothing is asked twice: neither
/// after a kill nor for the same response in another place.
///
/// `judgements.jsonl` is appended to and synced before a reply is used. A line that a kill or a power cut
/// has torn stands last; what it said is asked again. Threads may share a store, processes a file.
public final class JudgementStore: Sendable {
  public static let fileName = "judgements.jsonl"
  private static let longest = 16 << 30

  private struct State {
    var scores: [String: Judgement] = [:]
    /// Keys that somebody asks for.
    var asked: Set<String> = []
    var costs: [String: JudgeCost] = [:]
    var isRead = false
    var descriptor: Int32?
  }

  private let path: String?
  private let state = Mutex(State())
  private let changed = NSCondition()

  /// - Parameter folder: nil keeps them in memory alone.
  init(folder: String?) { path = folder.map { "\($0)/\(Self.fileName)" } }

  deinit { state.withLock { if let descriptor = $0.descriptor { close(descriptor) } } }

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
    let line = Array(try encoder.encode(judgement)) + [UInt8(ascii: "\n")]
    try state.withLock { state throws(JudgeError) in
      try append(line, &state)
      Self.count(judgement, &state)
    }
  }

  private static func count(_ judgement: Judgement, _ state: inout State) {
    state.costs[judgement.model, default: JudgeCost(model: judgement.model)].add(judgement)
    if judgement.score != nil { state.scores[judgement.key] = judgement }
  }

  /// Under a lock, so that of processes that share the file none comes between, and what a kill has torn
  /// is cut off by whoever comes next.
  private func append(_ line: [UInt8], _ state: inout State) throws(JudgeError) {
    guard let path else { return }
    if state.descriptor == nil { state.descriptor = try Self.open(path) }
    guard let descriptor = state.descriptor else { return }
    guard flock(descriptor, LOCK_EX) == 0 else { throw Self.failure("locked", path) }
    defer { flock(descriptor, LOCK_UN) }
    let end = lseek(descriptor, 0, SEEK_END)
    let written = unsafe line.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    guard written == line.count, fsync(descriptor) == 0 else {
      let failure = Self.failure("written", path)
      ftruncate(descriptor, end)
      throw failure
    }
  }

  private static func open(_ path: String) throws(JudgeError) -> Int32 {
    let descriptor = unsafe Foundation.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("opened", path) }
    guard flock(descriptor, LOCK_EX) == 0 else { throw failure("locked", path) }
    defer { flock(descriptor, LOCK_UN) }
    var end = lseek(descriptor, 0, SEEK_END)
    var byte: UInt8 = 0
    while end > 0, unsafe pread(descriptor, &byte, 1, end - 1) == 1, byte != UInt8(ascii: "\n") {
      end -= 1
    }
    guard ftruncate(descriptor, end) == 0 else { throw failure("cut", path) }
    return descriptor
  }

  private func read() throws(JudgeError) {
    try state.withLock { state throws(JudgeError) in
      guard !state.isRead, let path else { return }
      if case .missing? = RegularFile.obstacle(at: path) {
        state.isRead = true
        return
      }
      let bytes: [UInt8]
      do { bytes = try RegularFile.read(path, limit: Self.longest) } catch {
        throw JudgeError(
          .file, at: path, "it cannot be read: \(error)",
          remedy: "Check the path and its permissions.")
      }
      try Self.restore(bytes, path, &state)
      state.isRead = true
    }
  }

  private static func restore(
    _ bytes: [UInt8], _ path: String, _ state: inout State
  ) throws(JudgeError) {
    let decoder = JSONDecoder()
    // What follows the last line end is torn, or still being written.
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.dropLast().enumerated() {
      do { count(try decoder.decode(Judgement.self, from: Data(line)), &state) } catch {
        throw JudgeError(
          .damaged, at: "\(path):\(index + 1)", "the line is no reply of a judge",
          remedy: "Delete the line: what it held is asked again.")
      }
    }
  }

  private static func failure(_ what: String, _ path: String) -> JudgeError {
    let cause = SystemCause(errno)
    return JudgeError(
      .file, at: path, "it cannot be \(what): \(cause.reason)",
      remedy: cause.remedy.map { "\($0), then run `pipeline resume`." }
        ?? "Check the path and its permissions.")
  }
}

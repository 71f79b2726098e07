import Digest
import Foundation
import Synchronization

/// Works off the trials of some campaigns, and remembers which are done.
public struct CampaignRunner: Sendable {
  /// Which of n equal parts of the trials: the i-th, from 1.
  public struct Shard: Sendable {
    public var index: Int
    public var count: Int

    public init(index: Int, count: Int) {
      precondition(count > 0 && (1...count).contains(index), "shard \(index)/\(count)")
      self.index = index
      self.count = count
    }

    func takes(_ position: Int) -> Bool { position % count == index - 1 }
  }

  public let laboratory: Laboratory
  /// Trials at the same time.
  public var jobs = 1
  public var shard = Shard(index: 1, count: 1)
  /// Verdicts of other builds count too.
  public var keepsOldResults = false
  /// No trial is begun after so many seconds.
  public var seconds = Double.infinity
  public var report: @Sendable (String) -> Void = { _ in }

  public init(_ laboratory: Laboratory) { self.laboratory = laboratory }

  private var results: ResultsFile { ResultsFile(path: laboratory.work + "/results.jsonl") }

  /// Runs what has not been held yet.
  ///
  /// - Returns: the verdicts of all trials of this shard, old and new, in their order.
  public func run(_ trials: [Trial]) throws -> [Verdict] {
    let mine = trials.enumerated().filter { shard.takes($0.offset) }.map(\.element)
    let known = try results.held(binary: keepsOldResults ? nil : laboratory.binary)
    // In an order without meaning, so that whatever part is done speaks for all.
    let left = mine.filter { known[$0.id] == nil }
      .map { (SHA256.hash(Array($0.id.utf8)), $0) }
      .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
    report("\(mine.count) trials, \(mine.count - left.count) of them held before")
    let progress = Progress(
      left: left, done: known, end: seconds.isFinite ? .now + .seconds(seconds) : nil)
    let state = Mutex(progress)
    DispatchQueue.concurrentPerform(iterations: max(1, jobs)) { _ in
      while let trial = state.withLock({ $0.next() }) { work(trial, state) }
    }
    return try state.withLock { state in
      if let error = state.error { throw error }
      return mine.compactMap { state.done[$0.id] }
    }
  }

  private struct Progress: Sendable {
    var left: [Trial]
    var position = 0
    var finished = 0
    var done: [String: Verdict]
    var error: (any Error)?

    let end: ContinuousClock.Instant?

    init(left: [Trial], done: [String: Verdict], end: ContinuousClock.Instant?) {
      self.left = left
      self.done = done
      self.end = end
    }

    mutating func next() -> Trial? {
      guard error == nil, position < left.count, end.map({ .now < $0 }) ?? true else { return nil }
      position += 1
      return left[position - 1]
    }
  }

  private func work(_ trial: Trial, _ state: borrowing Mutex<Progress>) {
    do {
      let verdict = try trial.run(in: laboratory)
      try results.append(verdict)
      let place = state.withLock { state in
        state.done[verdict.id] = verdict
        state.finished += 1
        return "\(state.finished)/\(state.left.count)"
      }
      report("\(place) \(Self.line(verdict))")
    } catch { state.withLock { $0.error = $0.error ?? error } }
  }

  private static func line(_ verdict: Verdict) -> String {
    let seconds = String(format: "%.1f s", verdict.seconds)
    guard !verdict.holds else {
      return "\(verdict.isDisturbed ? "held" : "missed") \(verdict.id) \(seconds)"
    }
    return """
      DIFFERS \(verdict.id) \(seconds)
      \(verdict.findings.map { "           \($0)" }.joined(separator: "\n"))
                 its folder: \(verdict.folder ?? "")
                 to repeat it: crash-lab repeat \(verdict.id)
      """
  }
}

/// Verdicts on disk, one JSON object a line: what makes a campaign resumable.
struct ResultsFile: Sendable {
  let path: String

  /// Trials that held, by id.
  ///
  /// - Parameter binary: of this build only; of any if nil.
  func held(binary: String?) throws -> [String: Verdict] {
    guard let data = FileManager.default.contents(atPath: path) else { return [:] }
    var found: [String: Verdict] = [:]
    for line in data.split(separator: UInt8(ascii: "\n")) {
      // A laboratory that was itself killed leaves half a line.
      guard let verdict = try? JSONDecoder().decode(Verdict.self, from: Data(line)) else {
        continue
      }
      if verdict.holds, binary == nil || verdict.binary == binary { found[verdict.id] = verdict }
    }
    return found
  }

  /// One write at the end of the file, so that several laboratories may share it.
  func append(_ verdict: Verdict) throws {
    let line = try JSONEncoder().encode(verdict) + Data([UInt8(ascii: "\n")])
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw LabError("\(path) cannot be opened") }
    defer { close(descriptor) }
    let written = unsafe line.withUnsafeBytes {
      unsafe write(descriptor, $0.baseAddress, $0.count)
    }
    guard written == line.count else { throw LabError("\(path) cannot be written") }
  }
}

import Digest
import Foundation
import Metrics
import Queue
import Records

/// `metrics.jsonl`: one line a step, derived from the logs `batches` and `updates` and therefore
/// rewritten at will: a resumed run's file is the undisturbed run's, timings aside.
///
/// Of trimmed steps it is the only place that has them: these lines are kept as they are. TensorBoard's
/// file beside it follows it.
package struct MetricsFile {
  private let path: String
  private let events: TensorBoardFile?
  private let activity: ActivityLog

  init(of directory: RunDirectory, _ settings: RunSettings) {
    path = directory.metrics
    events = settings.metrics.tensorBoard ? TensorBoardFile(folder: directory.tensorBoard) : nil
    activity = directory.activity
  }

  /// Writes the lines of all committed steps.
  ///
  /// - Throws: `.damaged` when the lines of trimmed steps are not those that were trimmed. A file that
  ///   was removed is begun anew, without them.
  func rewrite(from ledger: Ledger) throws {
    var base = try ledger.base
    var text = try kept(base).flatMap { $0 + [UInt8(ascii: "\n")] }
    if text.isEmpty, base.step > base.trimmed.lines.first {
      base.trimmed.lines = TrimmedLines(first: base.step)
      ledger.setValue(RunBase.key, base.stored())
    }
    let end = max(base.step, try ledger.cursor(.optimizer))
    for step in base.step..<end { text += try Self.line(of: step, ledger) }
    try DurableFile.write(text, to: path)
    try events?.bring(
      to: end, text.split(separator: UInt8(ascii: "\n")), first: base.trimmed.lines.first,
      times: activity.stepTimes)
  }

  /// Appends the line of a step that has just been committed. Not synced: the logs have it all.
  func append(step: UInt64, _ ledger: Ledger) throws {
    try DurableFile.append(try Self.line(of: step, ledger), to: path)
    try events?.append(try Self.metrics(of: step, ledger))
  }

  /// Makes what was appended durable: to be done before the logs forget it.
  func sync() throws { try DurableFile.syncFile(path) }

  /// The metrics of steps below `end` that the file holds, ascending.
  func steps(below end: UInt64) throws -> [(step: UInt64, metrics: [String: Double])] {
    guard end > 0 else { return [] }
    return try lines(below: end).map { step, line in
      let metrics: MetricLine
      do { metrics = try MetricLine(json: line, location: path) } catch {
        throw damaged("the line of step \(step) cannot be read")
      }
      return (
        step, Dictionary(metrics.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      )
    }
  }

  package static func line(of step: UInt64, _ ledger: Ledger) throws -> [UInt8] {
    var fields: [String: Double] = ["step": Double(step)]
    for (name, value) in try metrics(of: step, ledger).values { fields[name] = value }
    return try JSONLine.encode(fields)
  }

  private static func metrics(of step: UInt64, _ ledger: Ledger) throws -> MetricLine {
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    let update = try ledger.existing(UpdateRecord.self, .updates, step)
    let all = batch.metrics + update.metrics + update.timings
    return MetricLine(step: step, values: all.map { ($0.name, $0.value) })
  }

  /// The lines of trimmed steps, compared with what the run remembers of them.
  private func kept(_ base: RunBase) throws -> [[UInt8]] {
    let lines = try lines(below: base.step)
    guard !lines.isEmpty else { return [] }
    var chain = TrimmedLines(first: base.trimmed.lines.first)
    for (_, line) in lines { chain.add(line + [UInt8(ascii: "\n")]) }
    guard chain == base.trimmed.lines else {
      throw damaged(
        "the lines of the trimmed steps \(base.trimmed.lines.first) to \(base.step - 1) are not "
          + "those that were written")
    }
    return lines.map(\.line)
  }

  /// Whole lines of steps below `end`, in order, without their ends.
  private func lines(below end: UInt64) throws -> [(step: UInt64, line: [UInt8])] {
    guard end > 0, FileManager.default.fileExists(atPath: path) else { return [] }
    var found: [(step: UInt64, line: [UInt8])] = []
    for line in try DurableFile.read(path).split(separator: UInt8(ascii: "\n")) {
      let step: UInt64
      do { step = try JSONDecoder().decode(StepField.self, from: Data(line)).step } catch {
        throw damaged("line \(found.count + 1) is no metrics of a step")
      }
      guard step < end else { break }
      found.append((step, Array(line)))
    }
    return found
  }

  private struct StepField: Decodable { let step: UInt64 }

  private func damaged(_ problem: String) -> StageError {
    StageError(
      .damaged, at: path, problem,
      remedy: "Restore it from a copy, or remove it: the run goes on without these lines.")
  }
}

/// Lines of `metrics.jsonl` of which the logs know nothing any more.
struct TrimmedLines: Sendable, Equatable {
  /// The step of the first one.
  var first: UInt64 = 0
  /// SHA-256 over the last link and the line, line by line; empty before the first.
  var chain: [UInt8] = []

  mutating func add(_ line: [UInt8]) { chain = SHA256.hash(chain + line) }
}

/// One JSON object on one line, keys sorted, non-finite numbers as strings.
package enum JSONLine {
  package static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }
}

import Digest
import Foundation
import Queue
import Records

/// `metrics.jsonl`: one line a step, derived from the logs `batches` and `updates` and therefore
/// rewritten at will: a resumed run's file is the undisturbed run's, timings aside.
///
/// Of trimmed steps it is the only place that has them: these lines are kept as they are.
struct MetricsFile {
  private let path: String

  init(path: String) { self.path = path }

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
    for step in base.step..<max(base.step, try ledger.cursor(.optimizer)) {
      text += try Self.line(of: step, ledger)
    }
    try DurableFile.write(text, to: path)
  }

  /// Appends the line of a step that has just been committed. Not synced: the logs have it all.
  func append(step: UInt64, _ ledger: Ledger) throws {
    try DurableFile.append(try Self.line(of: step, ledger), to: path)
  }

  /// Makes what was appended durable: to be done before the logs forget it.
  func sync() throws { try DurableFile.syncFile(path) }

  /// The metrics of steps below `end` that the file holds, ascending.
  func steps(below end: UInt64) throws -> [(step: UInt64, metrics: [String: Double])] {
    guard end > 0 else { return [] }
    return try lines(below: end).map { step, line in
      do {
        let fields = try JSONDecoder().decode([String: JSONNumber].self, from: Data(line))
        return (step, fields.mapValues(\.value))
      } catch { throw damaged("the line of step \(step) cannot be read") }
    }
  }

  static func line(of step: UInt64, _ ledger: Ledger) throws -> [UInt8] {
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    let update = try ledger.existing(UpdateRecord.self, .updates, step)
    var fields: [String: Double] = ["step": Double(step)]
    for metric in batch.metrics + update.metrics + update.timings {
      fields[metric.name] = metric.value
    }
    return try JSONLine.encode(fields)
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

/// A number of a metrics line, where what is not finite stands as text.
private struct JSONNumber: Decodable {
  let value: Double

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do { value = try container.decode(Double.self) } catch {
      switch try container.decode(String.self) {
      case "Infinity": value = .infinity
      case "-Infinity": value = -.infinity
      default: value = .nan
      }
    }
  }
}

/// One JSON object on one line, keys sorted, non-finite numbers as strings.
enum JSONLine {
  static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }
}

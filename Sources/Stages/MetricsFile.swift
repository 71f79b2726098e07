import Foundation
import Queue
import Records

/// `metrics.jsonl`: one line a step, derived from the logs `batches` and `updates` and therefore
/// rewritten at will: a resumed run's file is the undisturbed run's, timings aside.
struct MetricsFile {
  private let path: String

  init(path: String) { self.path = path }

  /// Writes the lines of all committed steps.
  func rewrite(from ledger: Ledger) throws {
    var text: [UInt8] = []
    for step in 0..<(try ledger.cursor(.optimizer)) {
      text += try Self.line(of: step, ledger)
    }
    try DurableFile.write(text, to: path)
  }

  /// Appends the line of a step that has just been committed. Not synced: the logs have it all.
  func append(step: UInt64, _ ledger: Ledger) throws {
    try DurableFile.append(try Self.line(of: step, ledger), to: path)
  }

  private static func line(of step: UInt64, _ ledger: Ledger) throws -> [UInt8] {
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    let update = try ledger.existing(UpdateRecord.self, .updates, step)
    var fields: [String: Double] = ["step": Double(step)]
    for metric in batch.metrics + update.metrics + update.timings {
      fields[metric.name] = metric.value
    }
    return try JSONLine.encode(fields)
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

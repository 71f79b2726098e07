import Files
import Foundation
public import Metrics
import Records
public import Stages

/// A run's metrics in the formats of others, made of its `metrics.jsonl`.
public struct MetricsExport {
  public enum Format: String, Sendable, CaseIterable {
    case jsonl
    case csv
    case tensorboard
    /// The last step alone: Prometheus keeps the course itself.
    case prometheus
  }

  private let run: RunDirectory
  private let system: MetricAlias.System?

  /// - Parameter system: whose names the metrics get, where it has one for them.
  public init(_ run: RunDirectory, names system: MetricAlias.System?) {
    self.run = run
    self.system = system
  }

  /// Writes the metrics piece by piece.
  /// - Returns: lines of the file that could not be read and are left out.
  public func write(_ format: Format, to sink: ([UInt8]) throws -> Void) throws -> Int {
    switch format {
    case .jsonl: try writeLines(to: sink)
    case .csv: try writeTable(to: sink)
    case .tensorboard: try writeEvents(to: sink)
    case .prometheus: try writeLast(to: sink)
    }
  }

  private func renamed(_ line: MetricLine) -> MetricLine {
    guard system != nil else { return line }
    return MetricLine(
      step: line.step,
      values: line.values.map { (MetricRegistry.name(of: $0.name, in: system), $0.value) })
  }

  private func writeLines(to sink: ([UInt8]) throws -> Void) throws -> Int {
    try StepLines(of: run).forEachLine { line in
      var fields = ["step": Double(line.step)]
      for (name, value) in renamed(line).values { fields[name] = value }
      try sink(try JSONLine.encode(fields))
    }
  }

  /// A column for every metric of any step; a step that lacks one has an empty field.
  private func writeTable(to sink: ([UInt8]) throws -> Void) throws -> Int {
    var names: Set<String> = []
    try StepLines(of: run).forEachLine { line in names.formUnion(line.values.map(\.name)) }
    let columns = names.sorted()
    let head = ["step"] + columns.map { MetricRegistry.name(of: $0, in: system) }
    try sink(Self.row(head))
    return try StepLines(of: run).forEachLine { line in
      let values = Dictionary(line.values.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      try sink(Self.row(["\(line.step)"] + columns.map { values[$0].map(MetricLine.text) ?? "" }))
    }
  }

  private static func row(_ fields: [String]) -> [UInt8] {
    Array((CSVText.row(fields) + "\n").utf8)
  }

  /// Wall times are those of the run, as far as they are still noted.
  private func writeEvents(to sink: ([UInt8]) throws -> Void) throws -> Int {
    let times = try run.activity.stepTimes()
    var time = times.values.min() ?? Date().timeIntervalSince1970
    try sink(EventRecord.version(wallTime: time))
    return try StepLines(of: run).forEachLine { line in
      time = times[line.step] ?? time
      try sink(EventRecord.scalars(step: line.step, wallTime: time, renamed(line).values))
    }
  }

  private func writeLast(to sink: ([UInt8]) throws -> Void) throws -> Int {
    var last: MetricLine?
    let unreadable = try StepLines(of: run).forEachLine { last = $0 }
    var text = PrometheusText()
    if let last { text.add(last, labels: [("run", PathParts.name(of: run.path))]) }
    try sink(Array(text.text.utf8))
    return unreadable
  }
}

import Bench
import Foundation
import Inspector

/// The records of `pipeline bench` as a person reads them.
struct BenchPage {
  private let records: [BenchRecord]
  private let output: Output

  init(_ records: [BenchRecord], _ output: Output) {
    self.records = records
    self.output = output
  }

  func print() {
    let rates = records.filter { $0.tokensPerSecondMedian != nil }
    if !rates.isEmpty { output.print(table(rates)) }
    for record in rates where !record.parts.isEmpty {
      output.print("\(Self.name(record)): \(parts(record))")
    }
    for record in records where !record.figures.isEmpty { printFigures(record) }
    for record in records where record.job == "roofline" { printProducts(record) }
    printState()
  }

  private func printFigures(_ record: BenchRecord) {
    output.print(output.styled(Self.name(record), .bold))
    var table = TextTable([.init(""), .init("", .right)])
    for (name, value) in record.figures.sorted(by: { $0.key < $1.key }) {
      table.add(["  " + name, Self.number(value)])
    }
    output.print(table)
  }

  private func table(_ records: [BenchRecord]) -> TextTable {
    var table = TextTable([
      .init("job"), .init("threads", .right), .init("seconds", .right), .init("tokens/s", .right),
      .init("best", .right),
      .init("GFLOP/s", .right), .init("of OpenBLAS", .right), .init("of memory", .right),
      .init("cores", .right), .init("peak MiB", .right),
    ])
    for record in records {
      table.add([
        Self.name(record), "\(record.threads)", Self.number(record.secondsMedian),
        Self.number(record.tokensPerSecondMedian),
        Self.number(record.tokensPerSecondBest), Self.number(record.gflopPerSecond),
        Self.percent(record.shareOfProducts), Self.percent(record.shareOfMemory),
        record.coresUsed.map { String(format: "%.2f", $0) } ?? "",
        record.peakMemoryBytes.map { "\($0 >> 20)" } ?? "",
      ])
    }
    return table
  }

  private func printProducts(_ record: BenchRecord) {
    guard let products = record.products else { return }
    var table = TextTable([
      .init("OpenBLAS"), .init("kind"), .init("rows", .right), .init("outputs", .right),
      .init("inputs", .right), .init("GFLOP/s", .right),
    ])
    for product in products {
      table.add([
        product.name, product.kind.rawValue, "\(product.rows)", "\(product.outputs)",
        "\(product.inputs)", Self.number(product.gflopPerSecond),
      ])
    }
    output.print(table)
    output.print("\(Self.name(record)): \(Self.number(record.productsGflopPerSecond)) GFLOP/s")
  }

  /// The machine, and whether other programs were in the way.
  private func printState() {
    guard let first = records.first else { return }
    let load = BenchMachine.loadAverage.map { String(format: ", load average %.2f", $0) } ?? ""
    output.print(TerminalText.escaped("\(first.processor)\(load)"))
    guard let most = records.compactMap(\.otherCores).max(), most > 0.1 else { return }
    output.print(
      output.styled("busy", .yellow)
        + String(
          format: "  other programs had %.2f processors meanwhile: measure on a quiet machine.",
          most))
  }

  private func parts(_ record: BenchRecord) -> String {
    record.parts.sorted { $0.value > $1.value }
      .map { String(format: "%@ %.4f s", $0.key, $0.value) }.joined(separator: ", ")
  }

  private static func name(_ record: BenchRecord) -> String {
    let model = record.model.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    return TerminalText.escaped(
      [
        record.job, model, record.shape, record.loss, record.precision,
        record.weights.map { "(\($0) weights)" },
        record.gradientCheckpointing == true ? "(checkpointing)" : nil,
      ].compactMap(\.self).joined(separator: " "))
  }

  private static func number(_ value: Double?) -> String {
    guard let value else { return "" }
    return String(format: value < 10 ? "%.3g" : "%.0f", value)
  }

  private static func percent(_ value: Double?) -> String {
    value.map { String(format: "%.0f %%", 100 * $0) } ?? ""
  }
}

import Foundation
import Inspector
import Replay

/// The page of `replay`: algorithms side by side, and the cosines between their weights.
struct ReplayPage {
  private let report: ReplayReport
  private let output: Output

  init(_ report: ReplayReport, _ output: Output) {
    self.report = report
    self.output = output
  }

  func print() {
    let steps =
      report.firstStep == report.lastStep
      ? "step \(report.firstStep)" : "steps \(report.firstStep) to \(report.lastStep)"
    let update = report.update.map { ", update \($0) of each" } ?? ""
    output.print("\(steps)\(update), \(report.groups) groups, \(report.tokens) stored tokens")
    printShares()
    printWeights()
    printCosines()
    output.print()
    for one in report.algorithms {
      guard let failure = one.failure else { continue }
      output.print(
        TerminalText.escaped(
          "\(one.label) has no weights: \(failure.location), step \(failure.step): "
            + "\(failure.problem). \(failure.remedy)"))
    }
    for note in report.notes { output.print(TerminalText.escaped(note)) }
  }

  private func printShares() {
    var table = TextTable([
      .init("under", shrinks: true), .init("SFT", .right), .init("RL", .right),
      .init("mixed", .right), .init("dropped", .right), .init("tokens", .right),
      .init("effective", .right), .init("entropy bonus"),
    ])
    for one in report.algorithms {
      func share(_ count: Int) -> String {
        one.groups == 0 ? "" : TextChart.percent(Double(count) / Double(one.groups))
      }
      let hasWeights = one.failure == nil
      table.add([
        TerminalText.escaped(one.label), share(one.sft), share(one.rl), share(one.mixed),
        share(one.dropped), hasWeights ? "\(one.tokens)" : "",
        hasWeights ? "\(one.effectiveTokens)" : "", one.hasEntropyBonus ? "yes" : "no",
      ])
    }
    output.print()
    output.print(table)
    let reasons = report.algorithms.filter { !$0.dropReasons.isEmpty }
    for one in reasons {
      let counts = one.dropReasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        .map { "\($0.value) \($0.key)" }
      output.print(TerminalText.escaped("\(one.label) drops: " + counts.joined(separator: ", ")))
    }
  }

  private func printWeights() {
    var table = TextTable([
      .init("under", shrinks: true), .init("‖w‖", .right), .init("mean |w|", .right),
      .init("clipped", .right), .init("mean ratio", .right), .init("mean Â", .right),
      .init("std Â", .right),
    ])
    for one in report.algorithms where one.failure == nil {
      table.add([
        TerminalText.escaped(one.label), Self.number(one.weightNorm), Self.number(one.meanWeight),
        TextChart.percent(one.clipShare), Self.number(one.ratioMean),
        Self.number(one.advantageMean), Self.number(one.advantageStd),
      ])
    }
    guard !table.isEmpty else { return }
    output.print()
    output.print(table)
  }

  /// Columns carry numbers, since names of many algorithms do not fit above them.
  private func printCosines() {
    let shown = report.algorithms.indices.filter { report.algorithms[$0].failure == nil }
    guard shown.count > 1 else { return }
    var table = TextTable(
      [.init("cosines", shrinks: true)] + shown.indices.map { .init("\($0 + 1)", .right) })
    for (number, row) in shown.enumerated() {
      table.add(
        ["\(number + 1) \(TerminalText.escaped(report.algorithms[row].label))"]
          + shown.map { column in
            report.cosines[row][column].map { String(format: "%.3f", $0) } ?? "-"
          })
    }
    output.print()
    output.print(table)
  }

  /// Four significant digits; weights span many powers of ten.
  static func number(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.4g", value)
  }
}

/// The page of `replay --gate`.
struct GateSweepPage {
  private static let stepLines = 20

  private let sweep: GateSweep
  private let output: Output

  init(_ sweep: GateSweep, _ output: Output) {
    self.sweep = sweep
    self.output = output
  }

  func print() {
    var table = TextTable([
      .init("gate"), .init("SFT", .right), .init("RL", .right), .init("dropped", .right),
      .init("SFT by step"),
    ])
    for line in sweep.lines {
      let all = Double(max(1, line.totals.values.reduce(0, +)))
      func share(_ fates: GroupFate...) -> String {
        let count = fates.reduce(0) { $0 + (line.totals[$1.rawValue] ?? 0) }
        return TextChart.percent(Double(count) / all)
      }
      table.add([
        line.threshold, share(.imitated), share(.reinforced, .mixed), share(.dropped),
        TextChart.sparkline(line.sft, range: 0...1),
      ])
    }
    output.print(table)
    guard sweep.steps.count > 1 else { return }
    output.print()
    let series = sweep.lines.prefix(3).map { TextChart.Series("SFT at \($0.threshold)", $0.sft) }
    for line in TextChart.plot(
      series, width: output.width, range: 0...1, format: TextChart.percent)
    {
      output.print(line)
    }
    printSteps()
  }

  private func printSteps() {
    let count = sweep.steps.count
    let stride = (count + Self.stepLines - 1) / Self.stepLines
    var table = TextTable(
      [.init("step"), .init("accuracy", .right)]
        + sweep.lines.map { .init($0.threshold, .right) })
    for start in Swift.stride(from: 0, to: count, by: stride) {
      let range = start..<min(start + stride, count)
      let (first, last) = (sweep.steps[range.lowerBound], sweep.steps[range.upperBound - 1])
      table.add(
        [first == last ? "\(first)" : "\(first)-\(last)", mean(sweep.accuracy[range])]
          + sweep.lines.map { mean($0.sft[range]) })
    }
    output.print()
    output.print(table)
  }

  private func mean(_ values: ArraySlice<Double>) -> String {
    let finite = values.filter(\.isFinite)
    return finite.isEmpty
      ? "" : TextChart.percent(finite.reduce(0, +) / Double(finite.count))
  }
}

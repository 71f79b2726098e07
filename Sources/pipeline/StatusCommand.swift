import ArgumentParser
import Inspector
import Judges
import Stages

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show where a run stands, running or not.")

  @OptionGroup var place: RunArgument
  @OptionGroup var options: FactOptions

  func run() throws {
    let status = try place.open().status()
    if options.json { return try options.output.json(status) }
    StatusReport(status, options.output).print()
  }
}

/// A run's status for a person.
private struct StatusReport {
  private let status: RunStatus
  private let output: Output

  init(_ status: RunStatus, _ output: Output) {
    self.status = status
    self.output = output
  }

  func print() {
    output.print(headline)
    output.print()
    var table = TextTable([
      .init("stage"), .init("done", .right), .init("of", .right), .init("queued", .right),
      .init("unit"), .init("process"),
    ])
    for stage in status.stages {
      table.add([
        stage.name, "\(stage.done)", stage.head.map { "\($0)" } ?? "",
        stage.head == nil ? "" : "\(stage.queued)", stage.unit,
        stage.pid.map { "pid \($0)" } ?? "",
      ])
    }
    output.print(table)
    output.print()
    printCurves()
    output.print("checkpoint  " + (status.newestCheckpoint.map { "step \($0)" } ?? "none"))
    if status.firstStep > 0 {
      output.print("kept        from step \(status.firstStep), group \(status.firstGroup)")
    }
    if let origin = status.origin { print(origin) }
    for use in status.kernels {
      output.print("kernel      \(TerminalText.escaped(use.kernel)) from step \(use.step)")
    }
    for judge in status.judges { output.print(TerminalText.escaped("judge       \(judge.text)")) }
    if status.verifierErrors > 0 {
      output.print(
        output.styled(
          "errors      \(status.verifierErrors) of the verifier in these steps", .yellow))
    }
    if status.quarantined > 0 {
      output.print(output.styled("quarantine  \(status.quarantined) records set aside", .yellow))
    }
  }

  private func print(_ origin: RunOrigin) {
    let what =
      origin.stage.map { "stage \($0) again from group \(origin.group)" }
      ?? "from step \(origin.step)"
    output.print(TerminalText.escaped("fork        of \(origin.source), \(what)"))
    for change in origin.changes { output.print(TerminalText.escaped("            \(change)")) }
  }

  private var headline: String {
    let style: TextStyle =
      switch status.state {
      case .running, .done: .green
      case .interrupted, .stopped: .yellow
      case .failed: .red
      }
    return output.styled(TerminalText.escaped(status.run), .bold)
      + "  \(TerminalText.escaped(status.definition))  "
      + output.styled(status.state.rawValue, style) + "  step \(status.step) of \(status.steps)"
  }

  private func printCurves() {
    guard !status.curves.isEmpty else { return }
    var table = TextTable([.init("metric"), .init("last", .right), .init("course")])
    for curve in status.curves {
      let last = curve.values.last { !$0.isNaN } ?? .nan
      table.add([
        curve.metric, TextChart.decimal(last), TextChart.sparkline(curve.values, width: 40),
      ])
    }
    output.print(table)
    output.print()
  }
}

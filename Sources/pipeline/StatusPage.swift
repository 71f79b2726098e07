import Inspector
import Judges
import Stages

/// A run's status for a person: the page of `status`, and what `watch` redraws.
struct StatusPage {
  private let status: RunStatus
  private let output: Output
  private let fits: Bool

  /// - Parameter fits: of a path that is too long for the first line its end is shown.
  init(_ status: RunStatus, _ output: Output, fits: Bool = false) {
    self.status = status
    self.output = output
    self.fits = fits
  }

  var lines: [String] {
    [headline, ""] + stages + [""] + curves + facts
  }

  private var headline: String {
    let style: TextStyle =
      switch status.state {
      case .running, .done: .green
      case .interrupted, .stopped: .yellow
      case .failed: .red
      }
    var line =
      "  \(TerminalText.escaped(status.definition))  "
      + output.styled(status.state.rawValue, style) + "  step \(status.step) of \(status.steps)"
    if status.state == .running, let eta = status.etaSeconds {
      line += "  ETA \(ProgressDisplay.duration(eta))"
    }
    var path = TerminalText.escaped(status.run)
    let room = max(8, output.width - StyledLine.width(of: line))
    if fits, TerminalText.width(of: path) > room {
      path = String(TerminalText.fitted(String(path.reversed()), to: room).reversed())
    }
    return output.styled(path, .bold) + line
  }

  private var stages: [String] {
    var table = TextTable([
      .init("stage"), .init("done", .right), .init("of", .right), .init("unit"),
      .init("queued", .right), .init("oldest", .right), .init("rate", .right),
      .init("ETA", .right), .init("process"),
    ])
    let isRunning = status.state == .running
    for stage in status.stages {
      table.add([
        stage.name, "\(stage.done)", stage.total.map { "\($0)" } ?? "", stage.unit,
        stage.head == nil ? "" : "\(stage.queued)", Self.age(stage),
        stage.rate.map { "\(TextChart.decimal($0))/s" } ?? "",
        isRunning ? stage.etaSeconds.map(ProgressDisplay.duration) ?? "" : "",
        stage.pid.map { "pid \($0)" } ?? "",
      ])
    }
    return output.lines(of: table)
  }

  private static func age(_ stage: RunStatus.StageStatus) -> String {
    guard let seconds = stage.oldestSeconds else { return "" }
    return (stage.oldestIsBound ? "≥ " : "") + ProgressDisplay.duration(seconds)
  }

  private var curves: [String] {
    guard !status.curves.isEmpty else { return [] }
    var table = TextTable([
      .init("metric"), .init("first", .right), .init("last", .right), .init("course"),
    ])
    for curve in status.curves {
      table.add([
        curve.metric, TextChart.decimal(curve.first ?? .nan),
        TextChart.decimal(curve.last ?? .nan), TextChart.sparkline(curve.values, width: 36),
      ])
    }
    return output.lines(of: table) + [""]
  }

  private var facts: [String] {
    var facts = ["checkpoint  " + (status.newestCheckpoint.map { "step \($0)" } ?? "none")]
    if let seconds = status.lastCommit {
      facts.append("last commit \(seconds) ago")
    }
    if status.firstStep > 0 {
      facts.append("kept        from step \(status.firstStep), group \(status.firstGroup)")
    }
    if let origin = status.origin { facts += origin.lines }
    for use in status.kernels { facts.append("kernel      \(use.kernel) from step \(use.step)") }
    for judge in status.judges { facts.append("judge       \(judge.text)") }
    return facts.map { TerminalText.escaped($0) } + warnings
  }

  private var warnings: [String] {
    var warnings: [String] = []
    if status.verifierErrors > 0 {
      warnings.append("errors      \(status.verifierErrors) of the verifier in these steps")
    }
    if status.quarantined > 0 {
      warnings.append("quarantine  \(status.quarantined) records set aside")
    }
    if let error = status.lastError {
      warnings.append("last error  \(error.stage): \(error.problem) (\(error.record))")
    }
    return warnings.map {
      output.styled(TerminalText.fitted(TerminalText.escaped($0), to: output.width), .yellow)
    }
  }
}

extension RunStatus {
  fileprivate var lastCommit: String? { lastCommitSeconds.map(ProgressDisplay.duration) }
}

extension RunOrigin {
  fileprivate var lines: [String] {
    let what = stage.map { "stage \($0) again from group \(group)" } ?? "from step \(step)"
    return ["fork        of \(source), \(what)"] + changes.map { "            \($0)" }
  }
}

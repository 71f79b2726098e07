import ArgumentParser
import Foundation
import Inspector
import Records
import Stages

struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Show where a run stands until it ends.",
    discussion: """
      On a terminal the page of `pipeline status` is drawn again in place, with each commit and each \
      second. Elsewhere, and with --json, there is a line for each step. The run is not disturbed: \
      nothing is held between looks.

      It ends when the run is done (0), has failed (1), or no process has worked at it for --grace \
      seconds (75: `pipeline resume` continues it). A run that is killed and resumed within that \
      time is watched on. Ctrl-C ends the watching alone (130).
      """)

  @OptionGroup var place: RunArgument
  @Option(
    help: ArgumentHelp(
      "How long a run that nobody works at is waited for.", valueName: "seconds"))
  var grace = 10.0
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard grace >= 0 else { throw ValidationError("--grace is \(grace); use 0 or more.") }
  }

  func run() throws {
    let watch = try RunWatch(opening: place.path)
    let interruption = Interruption()
    let isLive = Output.isTerminal && !options.json
    let screen = isLive ? LiveScreen(options.output) : nil
    defer { screen?.close() }
    let end = try follow(watch, interruption) { status in
      if let screen {
        screen.draw(StatusPage(status, options.output, fits: true).lines)
      } else {
        try printSteps(watch, status)
      }
    }
    if screen == nil, let status = end.status, !options.json {
      options.output.print("\(status.state.rawValue): step \(status.step) of \(status.steps)")
    }
    if end.code != .done {
      screen?.close()
      throw ExitCode(end.code.rawValue)
    }
  }

  /// Looks until the run ends or somebody ends the watching.
  private func follow(
    _ watch: RunWatch, _ interruption: Interruption, _ show: (RunStatus) throws -> Void
  ) throws -> (code: ExitStatus, status: RunStatus?) {
    let clock = ContinuousClock()
    var last: (status: RunStatus, looked: ContinuousClock.Instant)?
    var rests: ContinuousClock.Instant?
    while true {
      if let code = interruption.status { return (code, last?.status) }
      let now = clock.now
      let isDue = last.map { $0.looked.duration(to: now) >= .seconds(1) } ?? true
      if try watch.hasChanged() || isDue {
        let status = try watch.status()
        try show(status)
        last = (status, now)
        if let code = Self.end(status.state) { return (code, status) }
        rests = status.state == .running ? nil : rests ?? now
        if let rests, rests.duration(to: now) >= .seconds(grace) { return (.tryAgain, status) }
      }
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  private static func end(_ state: RunStatus.State) -> ExitStatus? {
    switch state {
    case .done: .done
    case .failed: .runFailed
    case .running, .interrupted, .stopped: nil
    }
  }

  private func printSteps(_ watch: RunWatch, _ status: RunStatus) throws {
    for line in try watch.newSteps() {
      if options.json {
        try options.output.json(StepLine(line), isLine: true)
      } else {
        options.output.print(Self.line(line, status))
      }
    }
  }

  private static func line(_ step: JSONValue, _ status: RunStatus) -> String {
    func number(_ name: String) -> Double? { step[name]?.double }
    let count = number("step") ?? 0
    var parts = ["step \(Int(count) + 1)/\(status.steps)"]
    if let reward = number("reward/mean") {
      parts.append("reward \(ProgressDisplay.fixed(reward, 3))")
    }
    if let accuracy = number("rollout/accuracy") {
      parts.append("solved \(ProgressDisplay.percent(accuracy))")
    }
    if let share = number("gate/sft") { parts.append("sft \(ProgressDisplay.percent(share))") }
    if let length = number("response/length_mean") {
      parts.append("length \(TextChart.decimal(length))")
    }
    if let loss = number("loss") { parts.append("loss \(ProgressDisplay.fixed(loss, 4))") }
    if let eta = status.etaSeconds { parts.append("ETA \(ProgressDisplay.duration(eta))") }
    return parts.joined(separator: "  ")
  }
}

/// A line of `metrics.jsonl` as it stands there.
private struct StepLine: Encodable {
  private let fields: [String: Double]

  init(_ line: JSONValue) {
    let known = (line.object ?? []).compactMap { member in
      (member.value.double ?? member.value.string.flatMap(Double.init)).map { (member.name, $0) }
    }
    fields = Dictionary(known, uniquingKeysWith: { first, _ in first })
  }

  func encode(to encoder: any Encoder) throws { try fields.encode(to: encoder) }
}

import ArgumentParser
import Definition
import Estimator
import Foundation
import Inspector
import Records
import Replay
import Stages
import Tokenizer

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Put the stored groups of a run under other algorithms, without touching it.",
    discussion: """
      Decisions, advantages and per-token weights are recomputed from what is stored: no model is \
      loaded, nothing is generated and nothing is written into the run, which may be going on. A \
      step counts as one mini-batch. The current policy's log-probabilities are those of the \
      rollouts, so that every ratio is 1, as in the first update of an on-policy step; --update \
      takes those that the optimizer recorded (optimizer.record).

      An algorithm that reads what the run did not record shows which key records it; the others \
      are shown all the same, and the exit code is 3.
      """)

  @OptionGroup var place: RunArgument
  @Option(
    help: ArgumentHelp(
      "Algorithms, separated by commas: catalogue names (NAME:paper, NAME:released), run for the "
        + "run's own, or paths of definitions (.yaml).", valueName: "algorithms"))
  var under: String?
  @Option(help: "Form of the names that say none: paper or released.") var form: String?
  @Option(help: ArgumentHelp("Only these steps: A..B, or one.", valueName: "steps"))
  var steps: String?
  @Option(
    help: ArgumentHelp(
      "Take the log-probabilities recorded of this update of each step, from 0.", valueName: "n"))
  var update: Int?
  @Option(help: "Only this group: every token with its parts under each algorithm.")
  var group: GroupID?
  @Option(
    help: ArgumentHelp(
      "Also write one line for each token to FILE.csv or FILE.jsonl.", valueName: "file"))
  var flat: String?
  @Option(
    help: ArgumentHelp(
      "What the gate's switch would have done: gamma=0,0.125,0.25 or count=0,1,2.",
      valueName: "thresholds"))
  var gate: String?
  @OptionGroup var options: FactOptions

  func validate() throws {
    if (under?.isEmpty ?? true) == (gate == nil) {
      throw ValidationError("Name algorithms with --under, or thresholds with --gate.")
    }
    if gate != nil, group != nil || flat != nil || update != nil || form != nil {
      throw ValidationError("--gate goes with --steps and --json alone.")
    }
    if group != nil, steps != nil {
      throw ValidationError("--group names the step already; leave out --steps.")
    }
    if let update, update < 0 { throw ValidationError("--update is \(update); use 0 or more.") }
    if let form, Algorithm.Form(rawValue: form) == nil {
      throw ValidationError("--form is \(form); use paper or released.")
    }
    _ = try range()
  }

  func run() throws {
    let stored = try place.open()
    let definition = try FrozenDefinition.read(of: stored.home)
    if let gate {
      let sweep = try GateSweep(
        stored.queue, definition: definition, at: GateThreshold.list(gate), steps: range())
      if options.json { return try options.output.json(sweep) }
      return GateSweepPage(sweep, options.output).print()
    }
    let algorithms = try (under ?? "").split(separator: ",").map { name in
      try ReplayedAlgorithm(
        String(name), form: form.flatMap(Algorithm.Form.init), run: definition)
    }
    var replay = try Replay(
      stored.queue, definition: definition, under: algorithms,
      .init(steps: range(), update: update, group: group))
    let report = try perform(&replay, stored)
    let failed = report.algorithms.filter { $0.failure != nil }
    guard let status = failed.compactMap(\.failure?.exitStatus).max() else { return }
    Output.note(
      Failure.line(
        place.path,
        "no weights under \(failed.map(\.label).joined(separator: ", "))",
        failed.compactMap(\.failure?.remedy).first ?? ""))
    throw ExitCode(status)
  }

  /// Runs it and prints what was asked for.
  private func perform(_ replay: inout Replay, _ stored: StoredRun) throws -> ReplayReport {
    var replayed: [ReplayedTrajectory] = []
    let file = try flat.map { path in
      let tokenizer = try stored.tokenizer()
      return try FlatFile(creating: path) { tokenizer.decode([$0]) }
    }
    let report: ReplayReport
    if file == nil, group == nil {
      report = try replay.run()
    } else {
      let keeps = group != nil
      report = try replay.run { trajectory in
        try file?.add(trajectory)
        if keeps { replayed.append(trajectory) }
      }
    }
    try file?.close()
    if let file { Output.note("\(file.lines) lines written to \(file.path)") }
    if let group {
      let tokenizer = try stored.tokenizer()
      let view = GroupReplay(group, report, replay.decisions, replayed) { tokenizer.decode([$0]) }
      if options.json { try options.output.json(view) } else { show(view, report) }
    } else if options.json {
      try options.output.json(report)
    } else {
      ReplayPage(report, options.output).print()
    }
    return report
  }

  private func show(_ view: GroupReplay, _ report: ReplayReport) {
    GroupReplayPage(view, options.output).print()
    for note in report.notes { options.output.print(TerminalText.escaped(note)) }
  }

  /// `A..B`, both included, or one step.
  private func range() throws -> ClosedRange<UInt64>? {
    guard let steps else { return nil }
    let ends = steps.components(separatedBy: "..").map(UInt64.init)
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
      first <= last
    else { throw ValidationError("--steps is \(steps); write A..B, or one step.") }
    return first...last
  }
}

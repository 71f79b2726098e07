import ArgumentParser
import Browser
import Foundation
import Inspector
import Queue
import Records
import Stages

struct InspectBrowse: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "browse", abstract: "Walk through steps, groups and rollouts on the terminal.",
    discussion: """
      n p  next and previous step           / find a text from here on
      l h  (J K) next and previous group    s sort the groups, S the other way round
      j k  next and previous rollout        f choose what is shown   t colour the tokens
      arrows, space, b  scroll              ? all keys               q leave

      It works in 80 × 24, over ssh and in tmux, and on a run that goes on. --json prints what the \
      first screen shows and ends.
      """)

  @OptionGroup var place: RunArgument
  @Option(help: "Begin at this step instead of the last.") var step: UInt64?
  @OptionGroup var options: FactOptions

  private struct Screen: Encodable {
    var step: UInt64?
    var groups: [GroupSummary]
    var group: GroupView?
  }

  func run() throws {
    let stored = try place.open()
    if let step { try require(step, stored) }
    if options.json { return try options.output.json(screen(stored)) }
    guard let terminal = RawTerminal() else {
      throw InspectorError(
        .noTerminal, at: place.path, "stdin and stdout are not both a terminal",
        remedy: "Use `pipeline inspect list` and `show` in pipes, or --json.")
    }
    let status: ExitStatus?
    do {
      defer { terminal.leave() }
      status = try browse(stored, terminal)
    }
    if let status { throw ExitCode(status.rawValue) }
  }

  private func require(_ step: UInt64, _ stored: StoredRun) throws {
    guard let steps = try stored.steps(), steps.contains(step) else {
      throw InspectorError(
        .noGroup, at: "\(place.path): step \(step)",
        try stored.steps().map { "the run has the steps \($0.lowerBound) to \($0.upperBound)" }
          ?? "the run has no groups yet", remedy: "Leave out --step to begin at the last.")
    }
  }

  private func screen(_ stored: StoredRun) throws -> Screen {
    guard let last = try stored.steps()?.upperBound else { return Screen(groups: []) }
    let groups = try stored.groups(ofStep: step ?? last)
    return Screen(
      step: step ?? last, groups: groups, group: try groups.first.map { try stored.group($0.group) }
    )
  }

  /// - Returns: how the process was asked to end, if it was.
  private func browse(_ stored: StoredRun, _ terminal: RawTerminal) throws -> ExitStatus? {
    let interruption = Interruption()
    let output = options.output
    var size = Output.terminalSize
    var browser = try Browser(
      stored, step: step, columns: size.columns, rows: size.rows, hasColor: output.hasColor)
    var reader = KeyReader()
    var drawn: [String] = []
    var seen = stored.queue.lastCommit
    let clock = ContinuousClock()
    var looked = clock.now
    while interruption.status == nil {
      let frame = browser.frame
      if frame != drawn { draw(frame, output) }
      drawn = frame
      guard let bytes = terminal.read(milliseconds: 100) else { return .interrupted }
      let keys =
        bytes.isEmpty && reader.isWaiting ? reader.flush() : reader.keys(bytes)
      for key in keys {
        let request = try browser.press(key) { terminal.hasInput || interruption.status != nil }
        switch request {
        case .quit: return key == .interrupt ? .interrupted : nil
        case .suspend:
          terminal.suspend()
          drawn = []
        case .redraw:
          Output.control("\u{1B}[2J")
          drawn = []
        case nil: break
        }
      }
      let now = Output.terminalSize
      if now != size {
        size = now
        browser.resize(columns: size.columns, rows: size.rows)
        Output.control("\u{1B}[2J")
        drawn = []
      }
      // A run that goes on, at most once a second.
      if stored.queue.lastCommit != seen, looked.duration(to: clock.now) >= .seconds(1) {
        seen = stored.queue.lastCommit
        looked = clock.now
        try browser.refresh()
      }
    }
    return interruption.status
  }

  /// All lines in their places, without a line feed behind the last, which would scroll.
  private func draw(_ frame: [String], _ output: Output) {
    Output.control(
      frame.enumerated().map { row, line in
        // Erased first: behind a full line the cursor still stands on its last column.
        "\u{1B}[\(row + 1);1H\u{1B}[K"
          + TerminalText.guarded(line, keepsColours: output.hasColor)
      }.joined())
  }
}

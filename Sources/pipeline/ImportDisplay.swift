import Foundation
import Inspector
import Shards

/// What an import says on stderr: notices, and on a terminal one line that is redrawn while it works.
final class ImportDisplay {
  private let folder: String
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let clock = ContinuousClock()
  private let began: ContinuousClock.Instant
  private var drawn: ContinuousClock.Instant?
  /// Bytes that an earlier import had read, which take less time than the others.
  private var first: Int?

  init(_ folder: String) {
    self.folder = folder
    began = clock.now
  }

  func show(_ event: DatasetImport.Event) {
    switch event {
    case .goesOn(let rows):
      Output.note(TerminalText.escaped("\(folder): goes on behind the first \(rows) rows"))
    case .startsAnew(let reason):
      Output.note(TerminalText.escaped("\(folder): starts anew: \(reason)"))
    case .progress(let read, let total, let rows, let bad):
      guard isTerminal, drawn.map({ $0.duration(to: clock.now) > .milliseconds(200) }) ?? true
      else { return }
      drawn = clock.now
      draw(read, total, rows, bad)
    }
  }

  private func draw(_ read: Int, _ total: Int, _ rows: Int, _ bad: Int) {
    let start = first ?? read
    first = start
    let seconds = began.duration(to: clock.now) / .seconds(1)
    var parts = [
      "\(ProgressDisplay.percent(Double(read) / Double(max(1, total)))) of \(total / 1_000_000) MB",
      "\(rows) rows",
    ]
    if bad > 0 { parts.append("\(bad) bad") }
    if read > start {
      let pace = Double(read - start) / seconds
      parts.append("\(Int(pace / 1e6)) MB/s")
      parts.append("ETA \(ProgressDisplay.duration(Double(total - read) / pace))")
    }
    write("\r\u{1B}[K" + String(parts.joined(separator: "  ").prefix(118)))
  }

  /// Takes the line away.
  func clear() {
    if drawn != nil { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

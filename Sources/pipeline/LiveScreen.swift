import Foundation
import Inspector

/// Lines at the end of a terminal that are drawn over again and again.
///
/// Only the program's own control sequences move the cursor; the lines pass the guard that lets
/// nothing but colours through.
final class LiveScreen {
  private let output: Output
  private var drawn = 0
  private var size = Output.terminalSize

  init(_ output: Output) {
    self.output = output
    Output.control("\u{1B}[?25l")
  }

  /// Takes the place of what was drawn before. A line that is too long, and what would not fit
  /// below one another, is cut: a wrapped line could not be drawn over.
  func draw(_ lines: [String]) {
    let now = Output.terminalSize
    // Text that was wrapped anew stands elsewhere than where it was drawn.
    if now != size {
      Output.control("\u{1B}[H\u{1B}[2J")
    } else if drawn > 0 {
      Output.control("\r\u{1B}[\(drawn)A\u{1B}[J")
    }
    size = now
    let fitting = lines.prefix(max(1, now.rows - 1))
    for line in fitting { output.print(StyledLine.fitted(line, to: now.columns)) }
    drawn = fitting.count
  }

  /// What was drawn stays.
  func close() { Output.control("\u{1B}[?25h") }
}

import ArgumentParser
import Foundation
import Inspector

/// Text for a person that may be longer than the screen.
struct PagerOptions: ParsableArguments {
  @Flag(help: "No colours and no pager, for pipes and files.") var plain = false
  @Flag(help: "Print a long page at once instead of through $PAGER.") var noPager = false

  /// What `body` prints, through `$PAGER` (`less` where it is not set; none where it is empty or
  /// `cat`) when stdout is a terminal and the page is longer than it.
  func show(_ options: OutputOptions, _ body: (Output) throws -> Void) throws {
    let output = plain ? Output(color: .never) : options.output
    guard Output.isTerminal, !plain, !noPager, let pager = Self.pager else {
      return try body(output)
    }
    let page = Output.Page()
    try body(output.collecting(into: page))
    let text = page.text
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false).reduce(0) {
      $0 + max(1, (StyledLine.width(of: String($1)) + output.width - 1) / output.width)
    }
    if rows <= Output.terminalSize.rows || !Self.run(pager, text) { output.write(text) }
  }

  private static var pager: String? {
    let chosen = ProcessInfo.processInfo.environment["PAGER"] ?? "less"
    let name = chosen.trimmingCharacters(in: .whitespaces)
    return name.isEmpty || name == "cat" ? nil : name
  }

  /// - Parameter text: guarded.
  /// - Returns: whether the shell found it.
  private static func run(_ pager: String, _ text: String) -> Bool {
    // As git does: colours pass, a page that fits is left on the screen.
    unsafe setenv("LESS", "FRX", 0)
    guard let pipe = unsafe popen(pager, "w") else { return false }
    // Ctrl-C is the pager's.
    let before = signal(SIGINT, SIG_IGN)
    defer { signal(SIGINT, before) }
    // It may be left before all is read.
    let bytes = Array(text.utf8)
    _ = unsafe fwrite(bytes, 1, bytes.count, pipe)
    return unsafe pclose(pipe) >> 8 != 127
  }
}

import ArgumentParser
import Foundation
import Inspector
import Synchronization

/// When text carries colours.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  case auto
  case always
  case never
}

/// Looks of a piece of text.
enum TextStyle: String {
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
}

/// Where a command's facts go: stdout. Progress and notices go to stderr.
struct Output {
  /// Plain text, for what is said before options are known.
  static let standard = Output(color: .never)

  let hasColor: Bool
  /// Columns to fill: the terminal's, at most 120; 80 when stdout is no terminal.
  let width: Int
  /// Where text is collected instead of being written.
  private var page: Page?

  /// Text that is shown once it is whole.
  final class Page: Sendable {
    private let collected = Mutex("")
    var text: String { collected.withLock { $0 } }

    fileprivate func add(_ text: String) { collected.withLock { $0 += text } }
  }

  func collecting(into page: Page) -> Output {
    var output = self
    output.page = page
    return output
  }

  init(color: ColorChoice) {
    let environment = ProcessInfo.processInfo.environment
    let isTerminal = Self.isTerminal
    switch color {
    case .always: hasColor = true
    case .never: hasColor = false
    case .auto:
      let isRefused =
        environment["NO_COLOR"]?.isEmpty == false || environment["CLICOLOR"] == "0"
        || environment["TERM"] == "dumb"
      let isForced = ["CLICOLOR_FORCE", "FORCE_COLOR"].contains { name in
        environment[name].map { !$0.isEmpty && $0 != "0" } ?? false
      }
      hasColor = !isRefused && (isTerminal || isForced)
    }
    width = isTerminal ? min(max(Self.terminalSize.columns, 40), 120) : 80
  }

  /// A reader that went away shows as an error of `write` and ends the command in silence, instead
  /// of killing whatever else the process does.
  static func prepare() { signal(SIGPIPE, SIG_IGN) }

  /// One line or several on stdout.
  func print(_ text: String = "") { write(text + "\n") }

  func print(_ table: TextTable) {
    for line in lines(of: table) { print(line) }
  }

  /// The lines of a table, its titles dim.
  func lines(of table: TextTable) -> [String] {
    table.lines(width: width).enumerated().map { $0 == 0 ? styled($1, .dim) : $1 }
  }

  /// Where the numbers of a screen come from, a line each.
  func print(_ sources: [NumberSource]) {
    print()
    for source in sources { print(styled(TerminalText.escaped(source.line), .dim)) }
  }

  /// `text` whole, on stdout. JSON and text that was escaped pass as they are.
  func write(_ text: String) {
    let safe = TerminalText.guarded(text, keepsColours: hasColor)
    if let page {
      page.add(safe)
    } else {
      Self.write(Array(safe.utf8), to: STDOUT_FILENO)
    }
  }

  /// Data on stdout: as it is for a file or a pipe, guarded for a terminal.
  static func exact(_ text: String) {
    write(
      Array((isTerminal ? TerminalText.guarded(text, keepsColours: false) : text).utf8),
      to: STDOUT_FILENO)
  }

  /// One JSON object on stdout.
  ///
  /// - Parameter isLine: on one line, for JSON lines; otherwise indented.
  func json(_ value: some Encodable, isLine: Bool = false) throws {
    write(try Self.json(value, isLine: isLine))
  }

  /// A value as one line of JSON, its end included.
  static func jsonLine(_ value: some Encodable) throws -> String { try json(value, isLine: true) }

  /// A value as one line of JSON under the names that it gives its fields.
  static func namedLine(_ value: some Encodable) throws -> String {
    try json(value, isLine: true, names: .useDefaultKeys)
  }

  private static func json(
    _ value: some Encodable, isLine: Bool,
    names: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = names
    encoder.outputFormatting =
      isLine
      ? [.sortedKeys, .withoutEscapingSlashes]
      : [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return safeJSON(String(decoding: try encoder.encode(value), as: UTF8.self)) + "\n"
  }

  func styled(_ text: String, _ style: TextStyle) -> String {
    hasColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A line on stderr: progress, notices, errors. Nobody may be reading, which is no error.
  static func note(_ line: String) {
    let safe = TerminalText.guarded(line, keepsColours: false)
    write(Array((safe + "\n").utf8), to: STDERR_FILENO)
  }

  /// JSON is read on terminals too. What could harm one stands inside strings only, so writing it
  /// as an escape changes nothing for a parser; all of it lies in the basic plane but the tags.
  static func safeJSON(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if scalar == "\n" || !TerminalText.isUnsafe(scalar) {
        result.unicodeScalars.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result
  }

  struct Size: Equatable {
    var columns = 80
    var rows = 24
  }

  /// Of the terminal behind stdout; 80 × 24 where it does not say.
  static var terminalSize: Size {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0,
      size.ws_row > 0
    else { return Size() }
    return Size(columns: Int(size.ws_col), rows: Int(size.ws_row))
  }

  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// A control sequence of the program's own, past the guard: for screens that are redrawn.
  static func control(_ sequence: String) { write(Array(sequence.utf8), to: STDOUT_FILENO) }

  private static func write(_ bytes: [UInt8], to file: Int32) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Foundation.write(file, $0.baseAddress! + written, bytes.count - written)
      }
      if count > 0 {
        written += count
      } else if errno != EINTR {
        if file != STDOUT_FILENO { return }
        // 128 + SIGPIPE, as a shell shows a process that the signal ended.
        if errno == EPIPE { Foundation.exit(141) }
        note(
          Failure.line("stdout", unsafe String(cString: strerror(errno)), "Check where it goes."))
        Foundation.exit(1)
      }
    }
  }
}

/// `--color`, for every command that prints.
struct OutputOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Colours: auto, always or never.", valueName: "when"))
  var color: ColorChoice = .auto

  var output: Output { Output(color: color) }
}

/// `--color` and `--json`, for every command that prints facts.
struct FactOptions: ParsableArguments {
  @OptionGroup var appearance: OutputOptions

  @Flag(help: "Print JSON on stdout and nothing else there.")
  var json = false

  var output: Output { appearance.output }
}

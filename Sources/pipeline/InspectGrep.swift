public import ArgumentParser
public import Inspector
import Records
import Verifiers

extension TextSearch.Place: ExpressibleByArgument {
  public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

struct InspectGrep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grep",
    abstract: "Find a text in prompts, demonstrations, rollouts and critiques.",
    discussion: """
      A line for each line that matches: group, step, where it stands, and the line, long ones cut \
      around the match. The pattern is a text as it stands, or with --regex an expression of the \
      kind that the verifier regex has (docs/verifiers.md), matched line by line in a time linear \
      in the text.

      As of grep(1), the exit code is 0 when a line matched and 1 when none did; errors are 2 and \
      above. It is 3 when a line was too dear for the pattern to be searched to its end.
      """)

  @OptionGroup var place: RunArgument
  @Argument(help: "What to look for.") var pattern: String
  @Flag(name: [.short, .long], help: "The pattern is a regular expression.") var regex = false
  @Flag(name: [.customShort("i"), .long], help: "Upper and lower case are the same.")
  var ignoreCase = false
  @Option(
    name: .customLong("in"),
    help: ArgumentHelp(
      "Only there: prompt, truth, demonstration, rollout or critique; may be given again.",
      valueName: "place"))
  var places: [TextSearch.Place] = []
  @Option(help: ArgumentHelp("Only groups of these steps: A..B, or one.", valueName: "steps"))
  var step: StepRange?
  @Option(help: ArgumentHelp("How many lines at most.", valueName: "n")) var limit: Int?
  @Flag(name: [.short, .long], help: "Only say how many lines, rollouts and groups match.")
  var count = false
  @OptionGroup var options: FactOptions

  func validate() throws {
    if pattern.isEmpty { throw ValidationError("The pattern is empty; every line would match.") }
    if let limit, limit < 1 { throw ValidationError("--limit is \(limit); use 1 or more.") }
  }

  /// What `--count` says.
  private struct Tally: Encodable {
    var lines = 0
    var texts = 0
    var groups = 0
    private var last: [String] = []

    private enum CodingKeys: String, CodingKey { case lines, texts, groups }

    mutating func add(_ match: TextSearch.Match) {
      let text = ["\(match.group)", match.place.rawValue, "\(match.index)"]
      lines += 1
      texts += text == last ? 0 : 1
      groups += text.first == last.first ? 0 : 1
      last = text
    }
  }

  func run() throws {
    let output = options.output
    let search = TextSearch(
      try textPattern(), places: places.isEmpty ? Set(TextSearch.Place.allCases) : Set(places),
      steps: step?.range)
    var tally = Tally()
    let unfinished = try place.open().search(search) { match in
      tally.add(match)
      if !count {
        if options.json {
          try output.json(match, isLine: true)
        } else {
          output.print(line(of: match, output))
        }
      }
      return limit.map { tally.lines < $0 } ?? true
    }
    if count {
      if options.json {
        try output.json(tally)
      } else {
        output.print("\(tally.lines) lines in \(tally.texts) texts of \(tally.groups) groups")
      }
    }
    guard unfinished == 0 else {
      Output.note(
        Failure.line(
          place.path, "\(unfinished) lines were not searched to their end",
          "Write a simpler pattern, or search them without --regex."))
      throw ExitCode(ExitStatus.mismatch.rawValue)
    }
    if tally.lines == 0 { throw ExitCode(1) }
  }

  private func textPattern() throws -> TextPattern {
    guard regex || ignoreCase else { return TextPattern(pattern) }
    return try TextPattern(expression: pattern, isLiteral: !regex, ignoresCase: ignoreCase)
  }

  private func line(of match: TextSearch.Match, _ output: Output) -> String {
    var name = match.place.rawValue
    if match.place == .rollout || match.place == .critique { name += " \(match.index)" }
    if match.place == .demonstration, match.index > 0 { name += " \(match.index)" }
    return output.styled("\(match.group)", .bold)
      + output.styled(" step \(match.step) \(name):\(match.line): ", .dim)
      + (match.isCutBefore ? "…" : "") + highlighted(match, output)
      + (match.isCutAfter ? "…" : "")
  }

  /// The excerpt, escaped piece by piece, so that no escape is cut by a colour.
  private func highlighted(_ match: TextSearch.Match, _ output: Output) -> String {
    let bytes = Array(match.excerpt.utf8)
    func piece(_ start: Int, _ end: Int) -> String {
      TerminalText.escaped(String(decoding: bytes[start..<end], as: UTF8.self))
    }
    var result = ""
    var place = 0
    for span in match.spans {
      result += piece(place, span[0]) + output.styled(piece(span[0], span[1]), .red)
      place = span[1]
    }
    return result + piece(place, bytes.count)
  }
}

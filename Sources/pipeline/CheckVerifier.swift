import ArgumentParser
import Check
import Definition
import Files
import Foundation
import Inspector
import Records
import Stages
import Verifiers

struct CheckVerifier: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verifier", abstract: "Files of labelled responses: who agrees with their labels?",
    discussion: """
      A file has one case a line, in JSON: id, gold, prediction and expected (true, false, or null \
      where either will do), and what its kind adds. Its name (math, gsm8k, choice, tags, shaping, \
      adversarial, disagreements) or its fields say which verifier judges it; --verifier names another. \
      Cases of disagreements show our verdict beside those of other graders, and are not counted.
      """)

  @Argument(help: "Files.") var files: [String]
  @Option(
    help: ArgumentHelp(
      "Who judges all cases: a name, or parts in YAML.", valueName: "verifier"))
  var verifier: String?
  @Flag(help: "Show all failed cases, with what was found, and all comparisons.")
  var verbose = false
  @OptionGroup var options: FactOptions

  func run() throws {
    let judge = try verifier.map { try VerifierOption.verifier($0) }
    try judge?.prepare()
    var report = VerifierCheck()
    for name in files where report.files[name] == nil {
      // A shell's `DIR/*` names the README beside the files.
      if name.hasSuffix("/README.md") { continue }
      report.add(checkVerifier(file: name, verifier: judge), named: name)
    }
    if options.json { try options.output.json(report) } else { print(report) }
    if report.failed > 0 { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }

  private func print(_ report: VerifierCheck) {
    let output = options.output
    var table = TextTable([
      .init("file"), .init("cases", .right), .init("agreed", .right),
      .init("accepted", .right), .init("refused", .right), .init("open", .right),
      .init("errors", .right), .init("median µs", .right), .init("p99", .right),
      .init("max", .right),
    ])
    let files = report.files.sorted { $0.key < $1.key }
    for (name, file) in files {
      let times = file.microseconds
      table.add(
        [TerminalText.escaped((name as NSString).lastPathComponent), "\(file.cases)"]
          + [file.agreed, file.wrongAccepted, file.rightRefused, file.undecided, file.errors].map {
            "\($0)"
          } + [times.median, times.p99, times.most].map(TextChart.decimal))
    }
    output.print(table)
    for (_, file) in files { print(file.comparisons) }
    for (name, file) in files { print(file.failures, name) }
    for (name, file) in files where verbose {
      for one in file.unjudged {
        output.print(TerminalText.escaped("neither \(name): \(one.id): \(one.problem)"))
      }
    }
    let verdict =
      report.failed == 0 ? output.styled("passed", .green) : output.styled("failed", .red)
    output.print(
      "\(report.cases) cases: \(report.agreed) agreed, \(report.failed) failed: \(verdict)")
  }

  private func print(_ failures: [VerifierCheck.Failure], _ name: String) {
    let output = options.output
    for failure in verbose ? failures[...] : failures.prefix(20) {
      var line = " \(name): \(failure.id): \(failure.problem)"
      if let rule = failure.rule { line += ", rule \(rule)" }
      if verbose, let extracted = failure.extracted {
        line += ", found \"\(extracted.prefix(200))\""
      }
      output.print(output.styled("failed", .red) + TerminalText.escaped(line))
    }
    if !verbose, failures.count > 20 {
      Output.note("\(failures.count - 20) more failures: --verbose")
    }
  }

  private func print(_ comparisons: [VerifierCheck.Comparison]) {
    guard let first = comparisons.first else { return }
    let graders = first.graders.keys.sorted()
    guard verbose else {
      let known = comparisons.filter { $0.ours != nil }
      let agreeing = graders.map { grader in
        "\(TerminalText.escaped(grader)) \(known.count { $0.ours == $0.graders[grader] })"
      }
      options.output.print(
        "of \(comparisons.count) disagreements we agree with "
          + agreeing.joined(separator: ", ") + " (--verbose shows them)")
      return
    }
    var table = TextTable(
      [.init("case"), .init("ours"), .init("rule", shrinks: true)]
        + graders.map { .init(TerminalText.escaped($0), shrinks: true) }
        + [.init("note", shrinks: true)])
    func word(_ verdict: Bool?) -> String { verdict.map { $0 ? "right" : "wrong" } ?? "-" }
    for one in comparisons {
      table.add(
        [TerminalText.escaped(one.id), word(one.ours), TerminalText.escaped(one.rule)]
          + graders.map { word(one.graders[$0]) } + [TerminalText.escaped(one.note ?? "")])
    }
    options.output.print(table)
  }
}

/// `--verifier`: a name, or parts as a definition writes them.
enum VerifierOption {
  static func verifier(_ text: String) throws -> any Verifier {
    let schema = Schema([
      Key("verifier", VerifierSpelling.kind, default: .text("exact"), meaning: "Who judges.")
    ])
    let definition = try schema.resolve(
      text: "", name: "--verifier", overrides: [(key: "verifier", value: text)])
    return try VerifierSpelling(
      definition.value("verifier"), path: "verifier", origin: .path("--verifier")
    ).makeVerifier()
  }
}

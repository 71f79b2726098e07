import ArgumentParser
import Inspector
import Preparation
import Records
import Shards
import Stages
import Tokenizer

/// Who looks at rows beside what every check looks for.
struct ExaminerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Also find ground truths that this verifier cannot read, and demonstrations that it takes for "
        + "wrong: a name, or parts as a definition writes them.", valueName: "name"))
  var verifier: String?
  @Flag(help: "Also find prompts that have almost the words of an earlier one.") var near = false
  @Option(
    help: ArgumentHelp("Share of common runs of three words that --near means.", valueName: "s"))
  var similarity = 0.8
  @Option(help: ArgumentHelp("Directory of the tokenizer that counts tokens.", valueName: "dir"))
  var tokenizer: String?
  @Option(help: ArgumentHelp("Also find longer prompts, in tokens.", valueName: "n"))
  var maxPromptTokens: Int?
  @Option(help: ArgumentHelp("Also find longer demonstrations, in tokens.", valueName: "n"))
  var maxTokens: Int?

  func validate() throws {
    guard similarity > 0, similarity <= 1 else {
      throw ValidationError("--similarity is \(similarity); use a share above 0, at most 1.")
    }
    for (name, limit) in [("max-prompt-tokens", maxPromptTokens), ("max-tokens", maxTokens)] {
      guard let limit else { continue }
      guard limit > 0 else { throw ValidationError("--\(name) is \(limit); use 1 or more.") }
      guard tokenizer != nil else {
        throw ValidationError("--\(name) counts tokens; name a --tokenizer DIR.")
      }
    }
    if tokenizer != nil, maxPromptTokens == nil, maxTokens == nil {
      throw ValidationError("--tokenizer needs --max-prompt-tokens or --max-tokens.")
    }
  }

  /// - Returns: who looks at the rows of a dataset: first those who look at each by itself, then those who
  ///   remember earlier rows, which a row must not reach that has gone before.
  func examiners() throws -> (Dataset) -> [any RowExaminer] {
    let verifiers = try verifier.map {
      VerifierTable(standard: try VerifierOption.verifier($0), bySource: [:])
    }
    try verifiers?.prepare()
    let counter = try tokenizer.map { try Tokenizer(file: $0 + "/tokenizer.json") }
    return { dataset in
      var examiners: [any RowExaminer] = []
      if let verifiers { examiners.append(VerifiedRows(verifiers)) }
      if let counter {
        examiners.append(
          LongRows(counter, promptTokens: maxPromptTokens, demonstrationTokens: maxTokens))
      }
      examiners.append(RowExamination())
      if near { examiners.append(NearDuplicates(in: dataset, threshold: similarity)) }
      return examiners
    }
  }
}

/// `pipeline data check DIR`.
struct DataCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read a whole dataset and list what is wrong; exit 3 when it should not be used.",
    discussion: """
      Always: shards and rows that are damaged, ids that occur twice or are empty, empty prompts, ground \
      truths and demonstrations, prompts that occur again. `data filter --without KIND` leaves out the \
      rows of a kind of finding.
      """)

  @Argument(help: "Dataset folder.") var folder: String
  @OptionGroup var examiners: ExaminerOptions
  @Flag(help: "Exit 3 for warnings too.") var strict = false
  @OptionGroup var options: FactOptions

  private struct Report: Encodable {
    struct Finding: Encodable {
      var kind: String
      var isError: Bool
      var location: String
      var problem: String
    }

    var rows: Int
    var shards: Int
    var fingerprint: String
    var passes: Bool
    var counts: [String: Int]
    var findings: [Finding]
  }

  func run() throws {
    let examiners = try examiners.examiners()
    let check = try DatasetCheck(folder: folder) { examiners($0) }
    if options.json {
      try options.output.json(
        Report(
          rows: check.rows, shards: check.shards, fingerprint: check.fingerprint,
          passes: check.passes, counts: check.counts,
          findings: check.findings.map {
            Report.Finding(
              kind: $0.kind.rawValue, isError: $0.kind.isError, location: $0.location,
              problem: $0.problem)
          }))
    } else {
      print(check)
    }
    if !check.passes || (strict && !check.counts.isEmpty) {
      throw ExitCode(ExitStatus.mismatch.rawValue)
    }
  }

  private func print(_ check: DatasetCheck) {
    let output = options.output
    for finding in check.findings {
      let kind = finding.kind.isError ? "error" : "warning"
      output.print(
        output.styled(kind, finding.kind.isError ? .red : .yellow)
          + TerminalText.escaped(" \(finding.location): \(finding.problem)"))
    }
    for (kind, count) in check.counts.sorted(by: { $0.key < $1.key }) {
      let listed = check.findings.count { $0.kind.rawValue == kind }
      output.print("\(kind): \(count)" + (listed < count ? ", \(listed) of them shown" : ""))
    }
    output.print(
      "\(check.rows) rows, shards \(check.shards), fingerprint \(check.fingerprint): "
        + (check.passes ? output.styled("sound", .green) : output.styled("not sound", .red)))
  }
}

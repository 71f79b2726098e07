import ArgumentParser
import ChatTemplate
import Evaluation
import Foundation
import Inspector
import Operators
import Policy
import Records
import Stages

/// `pipeline eval MODEL… --suite A,B`: how models do on suites of questions.
struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure models on suites of questions by sampling.",
    discussion: """
      MODEL is a model directory, an adapter's, a run, which means its newest checkpoint, or RUN@STEP. \
      A suite is a YAML file of pipelines/suites, named without its ending, or any such file; --list \
      shows them.

      Samples and verdicts are stored under --out, by suite and by a digest of all that they depend on: \
      data, template, sampling, grader and weights. What is there is not done again, and what was \
      interrupted or killed goes on; `pipeline inspect` reads it.

      The first model is what the others are compared with, question by question. docs/evaluation.md \
      defines every figure.
      """)

  @Argument(help: ArgumentHelp("Models, adapters or runs.", valueName: "model"))
  var models: [String] = []
  @Option(
    name: .customLong("suite"),
    help: ArgumentHelp("Suites, separated by commas.", valueName: "a,b"))
  var names: CommaSeparated<String>?
  @Option(help: ArgumentHelp("Folder of suites.", valueName: "dir"))
  var suiteFolder = EvaluationSuite.folder
  @Option(
    name: .customLong("data"),
    help: ArgumentHelp(
      "Where a suite's dataset is, if not where its file says.", valueName: "suite=dir"))
  var places: [Override] = []
  @Option(help: ArgumentHelp("Folder of the stored evaluations.", valueName: "dir"))
  var out = "evaluations"
  @Flag(help: "Show the suites, and how to get the data of those that lack theirs.") var list =
    false
  @OptionGroup var settings: SuiteOptions
  @Option(
    help: ArgumentHelp(
      "Base of adapters' directories; without it the one that an adapter names.", valueName: "dir"))
  var base: String?
  @Option(help: "Another seed draws other samples.") var seed: UInt64 = 17
  @Option(
    help: ArgumentHelp(
      "exact computes in f32, fast in bf16 where the processor has it.", valueName: "exact|fast"))
  var numerics = Numerics.exact
  @Option(
    help: ArgumentHelp(
      "The day that a template is told when it asks for today's.", valueName: "date"))
  var chatDate = "2024-07-26"
  @Option(help: ArgumentHelp("Threads; results do not depend on it.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount
  @Flag(name: .shortAndLong, help: "No progress.") var quiet = false
  @Option(help: "Of the result: text, markdown, csv or json.") var format = TableFormat.text
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads is \(threads); use 1 to 1024.")
    }
    guard TemplateDate(chatDate) != nil else {
      throw ValidationError("--chat-date is \(chatDate), which is no day; write YYYY-MM-DD.")
    }
    if list { return }
    guard let names, !names.elements.isEmpty else {
      throw ValidationError("name suites with --suite A,B; --list shows them.")
    }
    guard Set(names.elements).count == names.elements.count else {
      throw ValidationError("--suite names a suite twice.")
    }
    guard !models.isEmpty else { throw ValidationError("name a model directory, or a run.") }
    if let stray = places.first(where: { !names.elements.contains($0.key) }) {
      throw ValidationError("--data \(stray.key)=… names no suite of --suite.")
    }
  }

  func run() throws {
    if list { return try SuiteList(suiteFolder).print(options) }
    let suites = try (names?.elements ?? []).map { name in
      let data = places.filter { $0.key == name }.map { (key: "data", value: $0.value) }
      return try EvaluationSuite(
        named: name, in: suiteFolder, overrides: settings.overrides + data)
    }
    // All that can be missing is looked for before anything is sampled.
    for suite in suites { _ = try suite.questions() }
    let models = try models.map(ModelPlace.init)
    guard base == nil || models.contains(where: { StoredAdapter.stands(at: $0.directory) }) else {
      throw ValidationError("--base is below adapters, and no model is one.")
    }
    try ProcessStart.requireAddressSpace(forRunOf: 1)
    let interruption = Interruption()
    let results = try models.map { try evaluate($0, suites, interruption) }
    try EvaluationPage(EvaluationReport(results), options.json ? .json : format)
      .print(options.output)
  }

  private func evaluate(
    _ place: ModelPlace, _ suites: [EvaluationSuite], _ interruption: Interruption
  ) throws -> [EvaluationResult] {
    let progress = ProgressDisplay(isQuiet: quiet)
    progress.heading(place.label)
    guard let date = TemplateDate(chatDate) else { preconditionFailure("validate() refuses that") }
    let compute = Compute(threads: threads)
    var asked: [EvaluationSuite.ChatUse: AskedModel] = [:]
    var policy: Policy?
    let evaluation = ModelEvaluation(
      place.label,
      .init(folder: out, seed: seed, numerics: numerics, chatDate: chatDate),
      interruption: interruption, note: progress.note, progress: progress.evaluating)
    return try suites.map { suite in
      let model =
        try asked[suite.chat]
        ?? AskedModel(
          directory: place.directory,
          base: StoredAdapter.stands(at: place.directory) ? base : nil, chat: suite.chat.isChat,
          date: date)
      asked[suite.chat] = model
      let weights = try policy ?? model.policy(compute)
      policy = weights
      guard let result = try evaluation.evaluate(suite, model, weights) else {
        Output.note("saved; the same command goes on from here")
        throw ExitCode((interruption.status ?? .interrupted).rawValue)
      }
      return result
    }
  }
}

/// Keys of suites that are different this time, for all of them.
struct SuiteOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Samples per question.", valueName: "k")) var samples: Int?
  @Option(help: ArgumentHelp("Only the first questions of each suite.", valueName: "n"))
  var limit: Int?
  @Option(help: ArgumentHelp("Most tokens of a response.", valueName: "n")) var maxTokens: Int?
  @Option(help: ArgumentHelp("Divides the logits; 0 takes the likeliest token.", valueName: "t"))
  var temperature: Double?
  @Option(help: ArgumentHelp("Draw from the fewest tokens with this mass.", valueName: "p"))
  var topP: Double?
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Any key of a suite that is different.", valueName: "key=value"))
  var others: [Override] = []

  var overrides: [(key: String, value: String)] {
    let named: [(String, String?)] = [
      ("samples", samples?.description), ("limit", limit?.description),
      ("maximum_tokens", maxTokens?.description), ("temperature", temperature?.description),
      ("top_p", topP?.description),
    ]
    return named.compactMap { key, value in value.map { (key, $0) } }
      + others.map { ($0.key, $0.value) }
  }
}

/// The page of `eval --list`.
private struct SuiteList {
  private struct Line: Encodable {
    var name: String
    var title: String
    var group: String
    var samples: Int
    /// nil where the data are missing.
    var questions: Int?
    var data: String
    /// How missing data are got.
    var importing: String?
    /// Why the suite cannot be used.
    var problem: String?

    private enum CodingKeys: String, CodingKey {
      case name, title, group, samples, questions, data, problem
      case importing = "import"
    }
  }

  private let lines: [Line]

  init(_ folder: String) throws {
    lines = try EvaluationSuite.names(in: folder).map { name in
      do {
        let suite = try EvaluationSuite(named: name, in: folder)
        let isAtHand = suite.isAtHand
        return Line(
          name: suite.name, title: suite.title, group: suite.group.rawValue,
          samples: suite.samples, questions: isAtHand ? try suite.questions().questions.count : nil,
          data: suite.data, importing: isAtHand ? nil : suite.importing)
      } catch {
        return Line(
          name: name, title: name, group: "", samples: 0, data: "", problem: "\(error)")
      }
    }
  }

  func print(_ options: FactOptions) throws {
    if options.json { return try options.output.json(lines) }
    var table = TextTable([
      .init("suite"), .init("title"), .init("group"), .init("samples", .right),
      .init("questions", .right), .init("data"),
    ])
    for line in lines where line.problem == nil {
      table.add(
        [
          line.name, line.title, line.group, "\(line.samples)",
          line.questions.map(String.init) ?? "-",
          line.data,
        ].map { TerminalText.escaped($0) })
    }
    let output = options.output
    output.print(table)
    for line in lines {
      if let problem = line.problem {
        output.print(TerminalText.escaped("\(line.name) cannot be used: \(problem)"))
      } else if let importing = line.importing {
        output.print(TerminalText.escaped("\(line.name) is to be imported: \(importing)"))
      }
    }
  }
}

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
  @Flag(help: "Show the suites, and how to get the data of those that lack theirs.") var list =
    false
  @OptionGroup var settings: SuiteOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var asking: AskingOptions
  @Option(help: "Of the result: text, markdown, csv or json.") var format = TableFormat.text
  @OptionGroup var options: FactOptions

  func validate() throws {
    if list { return }
    guard selection.training != nil || !(names?.elements ?? []).isEmpty else {
      throw ValidationError("name suites with --suite A,B; --list shows them.")
    }
    let names = names?.elements ?? []
    guard Set(names).count == names.count else {
      throw ValidationError("--suite names a suite twice.")
    }
    guard !models.isEmpty else { throw ValidationError("name a model directory, or a run.") }
    if let stray = places.first(where: { !names.contains($0.key) }) {
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
    let training = try selection.suite()
    let models = try models.map(ModelPlace.init)
    let results = try asking.evaluate(models, suites + (training.map { [$0] } ?? []))
    var report = EvaluationReport(
      results.map { Array($0.prefix(suites.count)) }.filter { !$0.isEmpty })
    report.selection = results.compactMap { results in
      guard training != nil, let last = results.last else { return nil }
      return ModelSelection(
        training: last, others: results.dropLast(), hourlyPrice: selection.pricePerHour)
    }
    try EvaluationPage(report, options.json ? .json : format).print(options.output)
  }
}

/// The training prompts on which models are tried before one is chosen.
struct SelectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Dataset of training prompts: shows what training would see of each model.",
      valueName: "dir"))
  var training: String?
  @Option(help: ArgumentHelp("Training prompts that are asked, drawn at random.", valueName: "n"))
  var trainingRows = 256
  @Option(help: ArgumentHelp("Rollouts of each training prompt.", valueName: "k"))
  var trainingSamples = 8
  @Option(
    name: .customLong("training-set"),
    help: ArgumentHelp(
      "Any key of a suite for the training prompts, such as verifier.default or template.",
      valueName: "key=value"))
  var others: [Override] = []
  @Option(help: ArgumentHelp("Of the machine, for the cost of answers.", valueName: "price"))
  var pricePerHour: Double?

  func validate() throws {
    guard trainingRows > 0, trainingSamples > 0 else {
      throw ValidationError("--training-rows and --training-samples are 1 or more.")
    }
    if let pricePerHour, !(pricePerHour >= 0 && pricePerHour.isFinite) {
      throw ValidationError("--price-per-hour is \(pricePerHour); use 0 or more.")
    }
    if training == nil, !others.isEmpty || pricePerHour != nil {
      throw ValidationError("--training-set and --price-per-hour belong to --training DIR.")
    }
  }

  /// Rollouts are sampled as training does: at temperature 1 unless said.
  func suite() throws -> EvaluationSuite? {
    try training.map { folder in
      try EvaluationSuite(
        dataset: folder,
        overrides: [
          ("draw", "\(trainingRows)"), ("samples", "\(trainingSamples)"), ("temperature", "1.0"),
        ] + others.map { ($0.key, $0.value) })
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

extension SuiteOptions {
  /// Every row of a dataset as a suite, eight rollouts of each at temperature 1 unless said.
  ///
  /// - Throws: for keys by which rows would not be asked: what comes back stands for rows by their places.
  func suite(ofAll folder: String, verifier: String) throws -> EvaluationSuite {
    let suite = try EvaluationSuite(
      dataset: folder,
      overrides: [("samples", "8"), ("temperature", "1.0"), ("verifier.default", verifier)]
        + overrides)
    guard suite.limit == nil, suite.draw == nil, suite.sources.isEmpty else {
      throw StageError(
        .badRun, at: folder, "every row is asked here, not a part of them",
        remedy:
          "Leave limit, draw and sources out; `pipeline data filter` or `sample` makes a part.")
    }
    return suite
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

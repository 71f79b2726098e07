import ArgumentParser
import Evaluation
import Inspector
import Records
import Stages

/// Finished runs side by side: what each came to, seeds of one definition together.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Show what runs or evaluations came to, side by side.",
    discussion: """
      Runs of one definition with several seeds are one line: the mean over seeds, and the standard \
      deviation behind it. Accuracy is avg@k over the suites, those out of distribution apart.

      Evaluations (directories that `pipeline eval` made, the folder of several, or \
      RUN/evaluations/STEP-SUITE) are compared question by question with those of the first model: \
      difference, interval, p-value, and the questions that only one of them solved. With --paired the \
      last evaluations of runs are.
      """)

  @Argument(help: ArgumentHelp("Run directories, or those of evaluations.", valueName: "dir"))
  var runs: [String]
  @Flag(help: "Of runs compare the stored evaluations, question by question.") var paired = false
  @Option(
    help: ArgumentHelp(
      "A run whose evaluation stands for `before` where a run has none of its own.",
      valueName: "dir"))
  var base: String?
  @Flag(help: "Print a Markdown table.") var markdown = false
  @OptionGroup var options: FactOptions

  func run() throws {
    if try paired || runs.contains(where: Self.holdsEvaluations) {
      let format: TableFormat = options.json ? .json : markdown ? .markdown : .text
      let report = EvaluationReport(try ComparedEvaluations.read(runs))
      return try EvaluationPage(report, format).print(options.output)
    }
    var initial: [String: Summary.Suite] = [:]
    if let base {
      let summary = try Self.summary(base)
      initial =
        summary.evaluation.after.isEmpty ? summary.evaluation.before : summary.evaluation.after
    }
    var lines: [RunLine] = []
    for run in runs { lines.append(try RunLine(run, initial)) }
    let groups = RunGroup.grouped(lines)
    if options.json { return try options.output.json(groups) }
    markdown ? printMarkdown(groups) : printTable(groups)
  }

  /// Whether it is an evaluation, or a folder of some; runs are compared by their summaries.
  private static func holdsEvaluations(_ path: String) throws -> Bool {
    try !RunDirectory(path).exists && !EvaluationResult.folders(under: path).isEmpty
  }

  static func summary(_ path: String) throws -> Summary {
    guard let summary = try Summary.read(from: RunDirectory(path)) else {
      throw StageError(
        .badRun, at: path, "there is no summary.json: no run has been here, or it has not ended",
        remedy: "Name directories of finished runs, or of evaluations.")
    }
    return summary
  }

  private func printTable(_ groups: [RunGroup]) {
    var table = TextTable(
      RunGroup.titles.enumerated().map { .init($1, $0 == 0 ? .left : .right) })
    for group in groups { table.add(group.cells) }
    options.output.print(table)
  }

  private func printMarkdown(_ groups: [RunGroup]) {
    options.output.print("| " + RunGroup.titles.joined(separator: " | ") + " |")
    options.output.print("|---" + String(repeating: "|--:", count: RunGroup.titles.count - 1) + "|")
    for group in groups { options.output.print("| " + group.cells.joined(separator: " | ") + " |") }
  }
}

/// The figures of one run.
private struct RunLine {
  var definition: String
  var seed: UInt64
  var steps: Int
  var before: Double?
  var after: Double?
  var outside: Double?
  var clipShare: Double
  var sftShare: Double
  var tokens: Double
  var seconds: Double

  init(_ path: String, _ initial: [String: Summary.Suite]) throws {
    let summary = try CompareCommand.summary(path)
    definition = summary.definition
    seed = summary.seed
    steps = summary.stepsDone
    let first = summary.evaluation.before.isEmpty ? initial : summary.evaluation.before
    before = Self.mean(first, outside: false)
    after = Self.mean(summary.evaluation.after, outside: false)
    outside = Self.mean(summary.evaluation.after, outside: true)
    let run = try StoredRun(opening: path)
    clipShare = try run.meanMetric("policy/clip_share")
    let shares = summary.gate.values.map(\.sft)
    sftShare = shares.isEmpty ? 0 : shares.reduce(0, +) / Double(shares.count)
    tokens = Double(summary.generatedTokens)
    seconds = summary.wallSeconds
  }

  private static func mean(_ suites: [String: Summary.Suite], outside: Bool) -> Double? {
    let means = suites.filter { Summary.isOutside($0.key, $0.value) == outside }.values.map(\.mean)
    return means.isEmpty ? nil : means.reduce(0, +) / Double(means.count)
  }
}

/// Runs of one definition over seeds.
private struct RunGroup: Encodable {
  struct Spread: Encodable {
    var mean: Double
    /// Over seeds, with n − 1; 0 for one.
    var std: Double

    init?(_ values: [Double?]) {
      let known = values.compactMap { $0 }
      guard !known.isEmpty, known.count == values.count else { return nil }
      mean = known.reduce(0, +) / Double(known.count)
      let squares = known.reduce(0) { [mean] in $0 + ($1 - mean) * ($1 - mean) }
      std = known.count > 1 ? (squares / Double(known.count - 1)).squareRoot() : 0
    }
  }

  var definition: String
  var seeds: [UInt64]
  var steps: Int
  var before: Spread?
  var after: Spread?
  var outside: Spread?
  var clipShare: Spread?
  var sftShare: Spread?
  var seconds: Spread?

  static func grouped(_ lines: [RunLine]) -> [RunGroup] {
    var names: [String] = []
    for line in lines where !names.contains(line.definition) { names.append(line.definition) }
    return names.map { name in
      let own = lines.filter { $0.definition == name }
      return RunGroup(
        definition: name, seeds: own.map(\.seed), steps: own.map(\.steps).max() ?? 0,
        before: Spread(own.map(\.before)), after: Spread(own.map(\.after)),
        outside: Spread(own.map(\.outside)), clipShare: Spread(own.map(\.clipShare)),
        sftShare: Spread(own.map(\.sftShare)), seconds: Spread(own.map(\.seconds)))
    }
  }

  static let titles = [
    "definition", "seeds", "steps", "before %", "after %", "change", "ood %", "clipped %", "SFT %",
    "seconds",
  ]

  var cells: [String] {
    func percent(_ spread: Spread?, _ digits: Int = 1, deviates: Bool = false) -> String {
      guard let spread else { return "-" }
      let mean = ProgressDisplay.fixed(100 * spread.mean, digits)
      return deviates && seeds.count > 1
        ? "\(mean) ± \(ProgressDisplay.fixed(100 * spread.std, digits))" : mean
    }
    let change: String =
      if let before, let after {
        (after.mean < before.mean ? "" : "+")
          + ProgressDisplay.fixed(100 * (after.mean - before.mean), 1)
      } else {
        "-"
      }
    return [
      TerminalText.escaped(definition), "\(seeds.count)", "\(steps)", percent(before),
      percent(after, deviates: true), change, percent(outside), percent(clipShare, 2),
      percent(sftShare), seconds.map { ProgressDisplay.fixed($0.mean, 0) } ?? "-",
    ]
  }
}

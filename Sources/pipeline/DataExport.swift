public import ArgumentParser
import Inspector
public import Preparation
import Records
import Shards

extension TrajectoryExport.Kind: ExpressibleByArgument {}

/// `pipeline data export RUN --to NEW`.
struct DataExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Make a dataset of a run's stored rollouts: new demonstrations, or pairs.",
    discussion: """
      demonstrations  right rollouts in place of the rows' own (rejection sampling)
      added           right rollouts beside the rows' own
      pairs           a right one as chosen and a wrong one as rejected

      Each question stands there once, in the order in which it was first asked. What was cut at the \
      length limit is not taken, equal texts once. Evaluations are exported the same way.
      """)

  @Argument(help: ArgumentHelp("Run, or an evaluation's directory.", valueName: "run"))
  var path: String
  @Option(help: "demonstrations, added or pairs.") var what = TrajectoryExport.Kind.demonstrations
  @Option(help: ArgumentHelp("Most rollouts of a question.", valueName: "k")) var perQuestion = 1
  @Option(help: ArgumentHelp("Only groups of this step or later.", valueName: "step"))
  var fromStep: UInt64 = 0
  @OptionGroup var target: DatasetTarget

  func validate() throws {
    guard perQuestion > 0 else {
      throw ValidationError("--per-question is \(perQuestion); use 1 or more.")
    }
  }

  private struct Report: Encodable {
    var dataset: WrittenDataset
    var rollouts: Int
    var errors: Int
    var questionsWithoutOne: Int
  }

  func run() throws {
    let stored = try StoredRun(opening: path)
    if let notice = stored.notice { Output.note(notice) }
    var export = TrajectoryExport(what, perQuestion: perQuestion)
    try stored.forEachAnsweredPrompt { answered in
      if answered.step >= fromStep { export.add(answered) }
    }
    let (rows, left) = export.rows()
    guard !rows.isEmpty else {
      throw ShardError(
        .settings, location: path,
        problem: "none of its \(export.rollouts) rollouts can be exported",
        remedy: "`pipeline inspect stats \(path)` shows what was right, and how long it was.")
    }
    let manifest = try target.derive(
      from: [],
      generator: "pipeline data export \(target.plain(path)) --what \(what.rawValue) "
        + "--per-question \(perQuestion) --from-step \(fromStep)"
    ) {
      for row in rows { try $0.append(row) }
    }
    let written = WrittenDataset(target.folder, manifest)
    if target.options.json {
      return try target.options.output.json(
        Report(
          dataset: written, rollouts: export.rollouts, errors: export.errors,
          questionsWithoutOne: left))
    }
    let output = target.options.output
    output.print(
      "\(export.rollouts) rollouts, \(export.errors) without a verdict; questions that gave nothing: "
        + "\(left)")
    output.print(TerminalText.escaped(written.line))
  }
}

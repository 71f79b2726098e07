public import ArgumentParser
public import Inspector

extension RolloutFormat: ExpressibleByArgument {}

struct InspectExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the stored rollouts to a file, a row each.",
    discussion: """
      jsonl  an object a line with everything that is known of the rollout
      csv    the same by RFC 4180; objects as JSON in their cells
      verl   {input, output, gts, score, step, acc, …} as verl's trainer.rollout_data_dir has them; \
      its steps count from 1
      trl    {step, prompt, completion, reward, advantage} as TRL's table of completions

      A verdict that is none has no score and no reward (null). Texts stand as the model wrote them: \
      a spreadsheet may take a cell of a CSV that begins with = + - @ for a formula; import such \
      columns as text. For datasets to train on, `pipeline data export`.
      """)

  @OptionGroup var place: RunArgument
  @Option(help: "jsonl, csv, verl or trl.") var format = RolloutFormat.jsonl
  @Option(help: ArgumentHelp("The file to write; - is stdout.", valueName: "file"))
  var out: String
  @Option(help: ArgumentHelp("Only groups of these steps: A..B, or one.", valueName: "steps"))
  var step: StepRange?
  @Flag(help: "Replace the file if there is one.") var force = false
  @Flag(help: "Say on stdout as JSON what was written (not with --out -).") var json = false

  func validate() throws { try ExportFile.validate(out, json: json) }

  private struct Report: Encodable {
    var file: String
    var format: String
    var rows: Int
  }

  func run() throws {
    let stored = try place.open()
    var rows = 0
    var formulas = 0
    try ExportFile.write(out, replaces: force) { file in
      try file.write(format.head)
      try stored.forEachRollout(in: step?.range) { row in
        try file.write(try format.line(of: row) { try Output.namedLine($0) })
        rows += 1
        if format == .csv, RolloutFormat.holdsFormula(row) { formulas += 1 }
      }
    }
    if json {
      return try Output.standard.json(Report(file: out, format: format.rawValue, rows: rows))
    }
    Output.note("\(rows) rows" + (out == "-" ? "" : " in \(out)"))
    if formulas > 0 {
      Output.note("a spreadsheet may take texts of \(formulas) rows for formulas: import as text")
    }
  }
}

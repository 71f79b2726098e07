public import ArgumentParser
public import Inspector

extension RunDifference.Outcome: ExpressibleByArgument {
  public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

struct InspectDiff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Who solved what: the questions that two runs both answered.",
    discussion: """
      Questions are the same where source and id are. A question counts as solved when any of its \
      rollouts is right, however often it was asked; its share is that of right rollouts among those \
      with a verdict. The list has the questions whose share differs most, or with --only those of \
      one outcome: both, first, second or none.
      """)

  @Argument(help: ArgumentHelp("Run, or an evaluation's directory.", valueName: "run"))
  var first: String
  @Argument(help: ArgumentHelp("The run to lay beside it.", valueName: "run")) var second: String
  @Option(help: ArgumentHelp("Only groups of these steps: A..B, or one.", valueName: "steps"))
  var step: StepRange?
  @Option(help: ArgumentHelp("List the questions that these solved.", valueName: "outcome"))
  var only: RunDifference.Outcome?
  @Option(help: ArgumentHelp("How many questions at most.", valueName: "n")) var limit = 20
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit is \(limit); use 0 or more.") }
  }

  func run() throws {
    // One after the other: both may be the same run.
    let answers = try [first, second].map { try RunArgument.open($0).answers(in: step?.range) }
    let difference = RunDifference(answers[0], answers[1], only: only, limit: limit)
    if options.json { return try options.output.json(difference) }
    let output = options.output
    guard difference.first.common > 0 else {
      return output.print("no question was answered in both runs")
    }
    printSides(difference, output)
    output.print()
    for (outcome, text) in Self.outcomes {
      let count = difference.outcomes[outcome.rawValue] ?? 0
      let share = Double(count) / Double(difference.first.common)
      output.print("solved by \(text)  \(count), \(TextChart.percent(share))")
    }
    printQuestions(difference, output)
  }

  private static let outcomes: [(RunDifference.Outcome, String)] = [
    (.both, "both       "), (.first, "first only "), (.second, "second only"),
    (.none, "neither    "),
  ]

  private func printSides(_ difference: RunDifference, _ output: Output) {
    var table = TextTable([
      .init(""), .init("run", shrinks: true), .init("questions", .right),
      .init("in both", .right), .init("solved", .right), .init("right", .right),
    ])
    for (name, side) in [("first", difference.first), ("second", difference.second)] {
      table.add([
        name, TerminalText.escaped(side.run), "\(side.questions)", "\(side.common)",
        "\(side.solved)", ProgressDisplay.percent(side.share),
      ])
    }
    output.print(table)
  }

  private func printQuestions(_ difference: RunDifference, _ output: Output) {
    guard !difference.questions.isEmpty else { return }
    var table = TextTable([
      .init("source", shrinks: true), .init("id", shrinks: true), .init("first", .right),
      .init("second", .right), .init("change", .right), .init("group", .right),
      .init("group", .right),
    ])
    for question in difference.questions {
      table.add([
        TerminalText.escaped(question.source), TerminalText.escaped(question.id),
        "\(question.first.right)/\(question.first.total)",
        "\(question.second.right)/\(question.second.total)",
        (question.change > 0 ? "+" : "") + TextChart.percent(question.change),
        "\(question.first.group)", "\(question.second.group)",
      ])
    }
    output.print()
    output.print(table)
  }
}

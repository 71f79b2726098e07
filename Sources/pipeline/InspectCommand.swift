import ArgumentParser
import Inspector
import Records

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Look at stored trajectories, while a run goes on or after it.",
    subcommands: [InspectList.self, InspectShow.self, InspectStats.self])
}

struct InspectList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "One line for each group.",
    discussion: """
      Rewards appear as marks, one for each rollout: ● for 1, ○ for 0, ◐ for anything between, \
      ± for other values and ! for an error of the verifier.
      """)

  @OptionGroup var place: RunArgument
  @Option(help: "Only groups of this step.") var step: UInt64?
  @Option(help: "Only prompts of this source.") var source: String?
  @Option(help: ArgumentHelp("How many groups at most.", valueName: "n")) var limit = 50
  @Option(help: ArgumentHelp("Begin at this group.", valueName: "group")) var from: GroupID = 0
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit is \(limit); use 0 or more.") }
  }

  func run() throws {
    let stored = try place.open()
    let filter = GroupFilter(step: step, source: source, from: from, limit: limit)
    let output = options.output
    if options.json {
      try stored.list(filter) { try output.json($0, isLine: true) }
      return
    }
    var table = GroupTable()
    var last: GroupID?
    let hasMore = try stored.list(filter) {
      table.add($0)
      last = $0.group
    }
    guard let last else { return Output.note("no groups") }
    output.print(table.table)
    if hasMore { Output.note("more: --from \(last + 1)") }
  }
}

struct InspectShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one group: prompt, demonstration, rollouts, verdicts, decision.")

  @OptionGroup var place: RunArgument
  @Argument(help: "GroupID, as `inspect list` shows it.") var group: GroupID
  @Flag(help: "Add the tokens with stored log-probabilities and recorded quantities.")
  var tokens = false
  @OptionGroup var options: FactOptions

  func run() throws {
    let view = try place.open().group(group, tokens: tokens)
    if options.json { return try options.output.json(view) }
    GroupPage(view, options.output).print()
  }
}

struct InspectStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count groups, gate decisions, rewards, lengths and verdicts.")

  @OptionGroup var place: RunArgument
  @OptionGroup var options: FactOptions

  func run() throws {
    let statistics = try place.open().statistics()
    if options.json { return try options.output.json(statistics) }
    StatisticsPage(statistics, options.output).print()
  }
}

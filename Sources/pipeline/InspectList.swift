import ArgumentParser
import Inspector
import Records

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

import ArgumentParser
import Inspector

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

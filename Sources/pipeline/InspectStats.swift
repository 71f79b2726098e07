import ArgumentParser
import Inspector

struct InspectStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count groups, gate decisions, rewards, lengths and verdicts.")

  @OptionGroup var place: RunArgument
  @Flag(help: "Say of each number which stage made it and which record holds it.")
  var explain = false
  @OptionGroup var paging: PagerOptions
  @OptionGroup var options: FactOptions

  func run() throws {
    let statistics = try place.open().statistics()
    if options.json {
      return explain
        ? try options.output.json(Explained(statistics, statistics.sources))
        : try options.output.json(statistics)
    }
    try paging.show(options.appearance) { output in
      StatisticsPage(statistics, output).print()
      if explain { output.print(statistics.sources) }
    }
  }
}

import ArgumentParser
import Inspector

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show where a run stands, running or not.",
    discussion: """
      rate    items a second of the stage's own time, over its last 16 turns in \
      logs/activity.jsonl; without that file over the seconds that the last 16 records carry
      oldest  how long the first of the waiting items has waited; with ≥ only the time since the \
      last commit is known, which nothing that waits is younger than
      ETA     steps that are left times the median time from step to step; evaluations and \
      checkpoints on the way are not in it
      """)

  @OptionGroup var place: RunArgument
  @Flag(help: "Say of each number which stage made it and which record holds it.")
  var explain = false
  @OptionGroup var options: FactOptions

  func run() throws {
    let status = try place.open().status(explains: explain)
    if options.json { return try options.output.json(status) }
    for line in StatusPage(status, options.output).lines { options.output.print(line) }
    if let sources = status.explain { options.output.print(sources) }
  }
}

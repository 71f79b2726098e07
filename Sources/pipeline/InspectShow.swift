import ArgumentParser
import Inspector
import Records

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

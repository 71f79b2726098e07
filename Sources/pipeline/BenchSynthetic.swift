import ArgumentParser
import Bench
import Foundation

struct BenchSynthetic: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "synthetic",
    abstract: "Write a run of synthetic groups, to measure what reads runs.",
    discussion: """
      Each group has four rollouts of 32 tokens. docs/tools/inspect-speed.py measures `inspect`, `report` \
      and `serve` on it.
      """)

  @Argument(help: ArgumentHelp("The run to write; it must not be there.", valueName: "run"))
  var folder: String
  @Option(help: ArgumentHelp("Groups, 1 to 100000000.", valueName: "n")) var groups = 1_000_000
  @Option(help: ArgumentHelp("Directory with a tokenizer.json.", valueName: "dir"))
  var tokenizer = "pipelines/tokenizers/ladder"

  func validate() throws {
    guard (1...100_000_000).contains(groups) else {
      throw ValidationError("--groups is \(groups); use 1 to 100000000.")
    }
  }

  func run() throws {
    var last = ContinuousClock.now
    try SyntheticRun(in: folder, groups: groups, tokenizer: tokenizer).write { done in
      guard ContinuousClock.now - last > .seconds(5) else { return }
      last = .now
      Output.note("\(done) of \(groups) groups")
    }
  }
}

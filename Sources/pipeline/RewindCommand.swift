import ArgumentParser
import Inspector
import Records
import Stages

/// `pipeline rewind RUN --to STEP`.
struct RewindCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewind",
    abstract: "Discard everything after a step of a stopped run.",
    discussion: """
      Records, cursors, stage states, checkpoints, published policy versions, evaluations and metrics \
      of later steps go. Resuming then gives what an undisturbed run gives. One transaction decides: \
      killed at any point, the run stands before or after it. To keep what would go, use \
      `pipeline at STEP fork`.
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run")) var path: String
  @Option(help: "Committed steps that stay.") var to: UInt64
  @Flag(help: "Only say what would go.") var dryRun = false
  @OptionGroup var options: FactOptions

  func run() throws {
    let rewind = try Run(opening: RunDirectory(path)).rewind(to: to, isDryRun: dryRun)
    let output = options.output
    if options.json { return try output.json(rewind) }
    output.print(
      "\(path): \(dryRun ? "would go" : "went") back from step \(rewind.from) to \(rewind.to); "
        + "weights from checkpoint \(rewind.checkpoint)")
    var table = TextTable([.init(dryRun ? "would go" : "removed"), .init("what", .right)])
    for (log, count) in rewind.records.sorted(by: { $0.key < $1.key }) where count > 0 {
      table.add(["records of \(log)", "\(count)"])
    }
    func add(_ what: String, _ names: [String]) {
      if !names.isEmpty { table.add([what, names.joined(separator: " ")]) }
    }
    add("checkpoints", rewind.checkpoints.map { "\($0)" })
    add("policy versions", rewind.policies.map { "\($0)" })
    add("evaluations", rewind.evaluations)
    output.print(table)
    if !dryRun { Output.note("continue with `pipeline resume \(path)`") }
  }
}

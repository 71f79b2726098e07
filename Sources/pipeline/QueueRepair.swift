import ArgumentParser
import Foundation
import Inspector
import Queue
import Records
import Stages

struct QueueRepair: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Make what is damaged in the queue of a stopped run again, to the same bits.",
    discussion: """
      Damaged records are set aside and made again from what is upstream: prompts from the dataset, \
      rollouts from the policy version that sampled them, verdicts, decisions and loss batches from \
      those, updates from a checkpoint. Broken pages are read one by one into a new queue, and the old \
      one is kept. The damaged queue of an evaluation is put aside, for `pipeline resume` to make \
      again. Exit code 4 when something cannot be made again; it is named with the reason.
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run"))
  var path: String

  @Flag(name: .customLong("dry-run"), help: "Only say what is damaged.")
  var isDryRun = false

  @OptionGroup var options: FactOptions

  func run() throws {
    let directory = RunDirectory(path)
    let locks = try RunLocks(directory)
    defer { withExtendedLifetime(locks) {} }
    let report = try RunRepair.repair(directory, isDry: isDryRun)
    if options.json {
      try options.output.json(report)
    } else {
      print(report, options.output)
    }
    if !report.isWhole { throw ExitCode(ExitStatus.corrupt.rawValue) }
  }

  private func print(_ report: RepairReport, _ output: Output) {
    if let kept = report.salvagedFrom {
      output.print(
        "\(report.salvaged) records and values read from broken pages; the old queue is \(kept)")
    }
    var table = TextTable([.init("place"), .init("was"), .init("now")])
    let wording = isDryRun ? ("to be restored", "to be made again") : ("restored", "made again")
    for item in report.restored { table.add([item.location, item.problem, wording.0]) }
    for item in report.rederived { table.add([item.location, item.problem, wording.1]) }
    for item in report.remaining {
      table.add([item.location, item.problem, "cannot be made again"])
    }
    if !report.isIdle { output.print(table) }
    output.print(
      report.isIdle
        ? "nothing is damaged"
        : "\(report.rederived.count) records, \(report.restored.count) values, "
          + "\(report.remaining.count) that cannot be made again")
  }
}

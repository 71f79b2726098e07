import ArgumentParser
import Foundation
import Inspector
import Records
import Stages

struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "List, verify, prune and restore the checkpoints of a run.",
    subcommands: [
      CheckpointList.self, CheckpointVerify.self, CheckpointPrune.self, CheckpointRestore.self,
    ])
}

/// What `list` and `verify` print.
private enum CheckpointPage {
  static func print(_ reports: [CheckpointReport], _ options: FactOptions) throws {
    let output = options.output
    if options.json { return try output.json(reports) }
    var table = TextTable([
      .init("step", .right), .init("bytes", .right), .init("updates", .right), .init("weights"),
      .init("files"), .init("use"),
    ])
    for report in reports {
      table.add([
        "\(report.step)", "\(report.bytes)", report.updates.map { "\($0)" } ?? "",
        String(report.weightsDigest.prefix(16)), report.isWhole ? "whole" : "damaged",
        report.replays ? "" : "model only",
      ])
    }
    output.print(table)
  }

  static func reports(_ place: RunArgument) throws -> [CheckpointReport] {
    let stored = try place.open()
    return try CheckpointStore(directory: stored.directory, kept: 1).reports(stored.queue)
  }
}

struct CheckpointList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "One line for each checkpoint: step, size, updates, digest, and whether it is whole.",
    discussion: """
      A checkpoint marked "model only" lies before the steps that retention has kept: its weights \
      can be used, training cannot be replayed from it.
      """)

  @OptionGroup var place: RunArgument
  @OptionGroup var options: FactOptions

  func run() throws { try CheckpointPage.print(try CheckpointPage.reports(place), options) }
}

struct CheckpointVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare every file of every checkpoint with its SHA-256.",
    discussion: "Ends with 4 when a file differs, and names every one that does.")

  @OptionGroup var place: RunArgument
  @OptionGroup var options: FactOptions

  func run() throws {
    let reports = try CheckpointPage.reports(place)
    try CheckpointPage.print(reports, options)
    let flaws = reports.flatMap { report in report.flaws.map { (report.step, $0) } }
    for (step, flaw) in flaws {
      Output.note(
        Failure.line(
          flaw.path, flaw.problem,
          "Run `pipeline checkpoint restore \(place.path) \(step)`."))
    }
    if !flaws.isEmpty { throw ExitCode(ExitStatus.corrupt.rawValue) }
  }
}

struct CheckpointPrune: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Remove all but the newest checkpoints; step 0 stays.")

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run")) var path: String
  @Option(help: ArgumentHelp("How many stay, beside step 0.", valueName: "n")) var keep: Int
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard keep >= 1 else { throw ValidationError("--keep is \(keep); use 1 or more.") }
  }

  private struct Pruned: Encodable { var removed: [UInt64] }

  func run() throws {
    let removed = try Run(opening: RunDirectory(path)).pruneCheckpoints(keeping: keep)
    if options.json { return try options.output.json(Pruned(removed: removed)) }
    options.output.print(
      removed.isEmpty
        ? "nothing to remove"
        : "removed the checkpoints of steps \(removed.map { "\($0)" }.joined(separator: ", "))")
  }
}

struct CheckpointRestore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Bring back a damaged checkpoint, or make one of another step.",
    discussion: """
      The newest whole checkpoint before STEP is loaded and the logged batches after it are worked \
      off again, the digest of every step compared with the log; so the files are the ones that were \
      there, bit by bit. Step 0 is made again from the definition. A copy given with --from must \
      have the files that the checkpoint's manifest names.
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run")) var path: String
  @Argument(help: "Committed step whose checkpoint to restore.") var step: UInt64
  @Option(help: ArgumentHelp("A copy of the checkpoint's folder.", valueName: "dir"))
  var from: String?
  @OptionGroup var options: FactOptions

  private struct Restored: Encodable {
    var step: UInt64
    var path: String
    var how: String
  }

  func run() throws {
    let place = RunDirectory(path)
    let progress = ProgressDisplay(isQuiet: options.json)
    let result =
      step == 0
      ? try Run.restoreInitialCheckpoint(of: place, from: from)
      : try Run(opening: place).restoreCheckpoint(step, from: from, replayed: progress.replaying)
    let how =
      switch result {
      case .wasWhole: "it is whole, nothing was to be done"
      case .replayed(let older): "worked out again from step \(older)"
      case .copied: "copied from \(from ?? "")"
      case .initial: "made again from the definition"
      }
    let path = place.checkpoint(step)
    if options.json {
      return try options.output.json(Restored(step: step, path: path, how: how))
    }
    options.output.print("\(path): \(how)")
  }
}

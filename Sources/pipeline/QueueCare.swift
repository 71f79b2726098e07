import ArgumentParser
import Foundation
import Inspector
import Queue
import Stages

extension RunLocks {
  /// Holds all six stages of a run.
  convenience init(_ directory: RunDirectory) throws {
    guard directory.exists else {
      throw InspectorError(
        .noRun, at: directory.path, "there is no run here (no pipeline.yaml)",
        remedy: "Name the directory that `pipeline run` printed.")
    }
    try self.init(runFolder: directory.path, stages: StageName.allCases.map(\.rawValue))
  }
}

struct QueueCompact: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Rewrite the queue of a stopped run without its free pages.",
    discussion:
      "Needs room for a copy. Killed at any point, the run has its old queue or the new one.")

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run"))
  var path: String

  @OptionGroup var options: FactOptions

  private struct Sizes: Encodable {
    var before: Int
    var after: Int
  }

  func run() throws {
    let directory = RunDirectory(path)
    let locks = try RunLocks(directory)
    defer { withExtendedLifetime(locks) {} }
    let (before, after) = try Queue.compact(at: directory.queue)
    if options.json {
      try options.output.json(Sizes(before: before, after: after))
    } else {
      options.output.print("\(before) bytes, now \(after)")
    }
  }
}

struct QueueCollect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Remove what killed processes left in the directory of a stopped run.",
    discussion: """
      Unfinished checkpoints and files, checkpoint folders that the queue does not name, policy versions \
      that no step asks for, abandoned creations, interrupted replacements of the queue. Records are \
      never among them.
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run"))
  var path: String

  @Flag(name: .customLong("dry-run"), help: "Only say what would go.")
  var isDryRun = false

  @Option(
    name: .customLong("damaged-older-than"),
    help: ArgumentHelp(
      "Also damaged queues that a repair put aside, once they are this many days old.",
      valueName: "days"))
  var damagedDays: Int?

  @OptionGroup var options: FactOptions

  private struct Collected: Encodable {
    var items: [RunCleaning.Item]
    var bytes: Int
    var isRemoved: Bool
  }

  func run() throws {
    let directory = RunDirectory(path)
    let locks = try RunLocks(directory)
    defer { withExtendedLifetime(locks) {} }
    let cleaning = try RunCleaning(of: directory, damagedDays: damagedDays)
    if !isDryRun { try cleaning.remove() }
    if options.json {
      try options.output.json(
        Collected(items: cleaning.items, bytes: cleaning.bytes, isRemoved: !isDryRun))
      return
    }
    var table = TextTable([.init("what"), .init("bytes", .right), .init("path")])
    for item in cleaning.items { table.add([item.what, "\(item.bytes)", item.path]) }
    if !cleaning.items.isEmpty { options.output.print(table) }
    options.output.print(
      "\(cleaning.bytes) bytes in \(cleaning.items.count) places \(isDryRun ? "would go" : "gone")")
  }
}

struct QueueBackup: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy a run, at work or not, to a directory that can be moved and resumed elsewhere.",
    discussion: """
      One consistent snapshot of the queue, the checkpoints that it names, and the files beside. The \
      target appears when it is whole.
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run"))
  var path: String

  @Option(name: .customLong("to"), help: ArgumentHelp("Directory to make.", valueName: "dir"))
  var target: String

  @OptionGroup var options: FactOptions

  private struct Written: Encodable {
    var path: String
    var bytes: Int
  }

  func run() throws {
    let bytes = try RunBackup.write(RunDirectory(path), to: target)
    if options.json {
      try options.output.json(Written(path: target, bytes: bytes))
    } else {
      options.output.print(
        "\(bytes) bytes in \(target); resume it with `pipeline resume \(target)`")
    }
  }
}

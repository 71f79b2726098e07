public import ArgumentParser
import Foundation
public import Inspector
import Metrics
import Stages

extension MetricsExport.Format: ExpressibleByArgument {}

/// Whose names metrics get.
enum MetricNames: String, CaseIterable, ExpressibleByArgument {
  case ours
  case verl
  case trl

  var system: MetricAlias.System? { MetricAlias.System(rawValue: rawValue) }
}

struct MetricsExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a run's metrics in another format, to stdout or a file.",
    discussion: """
      tensorboard  an event file in the folder --out; `tensorboard --logdir` reads it
      csv          a row a step, a column a metric, empty where a step has none
      jsonl        metrics.jsonl, with other names if asked
      prometheus   the last step in the text format

      With --names verl or trl a metric has the name that is given to it there, if any: `pipeline \\
      metrics list --json` says in what they differ.
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run")) var path: String
  @Option(help: "tensorboard, csv, jsonl or prometheus.") var format: MetricsExport.Format
  @Option(help: "ours, verl or trl.") var names = MetricNames.ours
  @Option(
    help: ArgumentHelp(
      "File to write, or folder of the event file; - for stdout.", valueName: "path"))
  var out = "-"
  @Flag(help: "Replace the file if there is one.") var force = false
  func validate() throws {
    if format == .tensorboard, out == "-" {
      throw ValidationError("--format tensorboard needs --out with a folder for the event file.")
    }
  }

  func run() throws {
    let directory = RunDirectory(path)
    let export = MetricsExport(directory, names: names.system)
    let unreadable = try ExportFile.write(try place(), replaces: force) { file in
      try export.write(format) { try file.write($0) }
    }
    if unreadable > 0 {
      Output.note(
        "pipeline: \(directory.metrics): \(unreadable) lines cannot be read, as after a power cut, and "
          + "are left out; `pipeline resume` writes it anew")
    }
  }

  /// Where the file stands.
  private func place() throws -> String {
    guard format == .tensorboard else { return out }
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    return out + "/events.out.tfevents.0.temper"
  }
}

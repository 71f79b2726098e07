import ArgumentParser
import Inspector
import Metrics

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "List what runs measure, and export a run's metrics to TensorBoard, CSV, Prometheus.",
    subcommands: [MetricsList.self, MetricsExportCommand.self], defaultSubcommand: MetricsList.self)
}

/// A metric as a machine reads it.
private struct MetricFacts: Encodable {
  struct Alias: Encodable {
    var system: String
    var name: String
    var difference: String?
  }

  var name: String
  var title: String
  var unit: String
  var group: String
  var definition: String
  var formula: String
  var stage: String
  var log: String
  var presence: String?
  var isVolatile: Bool
  var prometheus: String
  var aliases: [Alias]

  init(_ metric: Metric) {
    name = metric.name
    title = metric.title
    unit = metric.unit
    group = metric.group.rawValue
    definition = metric.definition
    formula = metric.formula
    stage = metric.stage.rawValue
    log = metric.stage.log
    presence = metric.presence
    isVolatile = metric.isVolatile
    prometheus = PrometheusText.name(of: metric)
    aliases = metric.aliases.map {
      Alias(system: $0.system.rawValue, name: $0.name, difference: $0.difference)
    }
  }
}

struct MetricsList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Every metric of a step: what it is, and what others call it.")

  @Flag(help: "Print docs/metrics.md.") var markdown = false
  @OptionGroup var options: FactOptions

  func run() throws {
    let output = options.output
    if markdown { return output.write(MetricsDocument.text) }
    if options.json { return try output.json(MetricRegistry.all.map(MetricFacts.init)) }
    for group in Metric.Group.allCases {
      var table = TextTable([
        .init(group.rawValue), .init("unit"), .init("what it is", shrinks: true),
      ])
      for metric in MetricRegistry.all where metric.group == group {
        table.add([metric.name, metric.unit, metric.definition])
      }
      output.print(table)
      output.print()
    }
    output.print("--json has formulas, sources and the names of verl, TRL and HPT.")
  }
}

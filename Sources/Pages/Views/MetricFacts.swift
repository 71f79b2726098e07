import Metrics

/// What a page says of a metric: the registry's words, or the bare name of one that it lacks.
struct MetricFacts {
  var title: String
  var unit = ""
  var group = Metric.Group.data.rawValue
  var definition = ""
  var formula = ""
  var aliases: [String: [String]] = [:]
  var source: String

  init(_ name: String) {
    guard let metric = MetricRegistry.metric(name) else {
      title = name
      source = "metrics.jsonl · \(name)"
      return
    }
    title = metric.title + (metric.member(of: name).map { ": \($0)" } ?? "")
    unit = metric.unit
    group = metric.group.rawValue
    definition = metric.definition
    formula = metric.formula
    for alias in metric.aliases {
      let text = alias.name + (alias.difference.map { " (\($0))" } ?? "")
      aliases[alias.system.rawValue, default: []].append(text)
    }
    source = metric.source(step: "{step}", name: name)
  }
}

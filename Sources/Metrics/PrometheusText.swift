/// Metrics in Prometheus' text format 0.0.4: lines of one family together, under its help and type.
///
/// `reward/mean` is `temper_reward_mean`, and the metrics of a family are one with a label:
/// `temper_accuracy_source{name="addition"}`.
public struct PrometheusText {
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private struct Family {
    var help: String
    var samples: [String] = []
  }

  private var families: [String: Family] = [:]

  public init() {}

  /// The metrics of a step.
  public mutating func add(_ line: MetricLine, labels: [(name: String, value: String)]) {
    for (name, value) in line.values {
      let metric = MetricRegistry.metric(name)
      let member = metric?.member(of: name).map { [(name: "name", value: $0)] } ?? []
      add(
        metric.map(Self.name(of:)) ?? Self.name(name),
        help: metric.map(Self.help) ?? "No metric of this version", value, labels: labels + member)
    }
  }

  /// One gauge.
  public mutating func add(
    _ name: String, help: String, _ value: Double, labels: [(name: String, value: String)]
  ) {
    let text = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
    let braces = text.isEmpty ? "" : "{\(text.joined(separator: ","))}"
    families[name, default: Family(help: help)].samples.append(
      "\(name)\(braces) \(Self.number(value))\n")
  }

  public var text: String {
    families.sorted { $0.key < $1.key }.map { name, family in
      "# HELP \(name) \(Self.escaped(family.help, quotes: false))\n# TYPE \(name) gauge\n"
        + family.samples.joined()
    }.joined()
  }

  /// Of a family's metrics the name without what a label says.
  public static func name(of metric: Metric) -> String {
    name(metric.prefix.map { String($0.dropLast()) } ?? metric.name)
  }

  /// A name with all that Prometheus does not allow in one as `_`.
  static func name(_ metric: String) -> String {
    "temper_"
      + String(
        metric.unicodeScalars.map { scalar in
          scalar.isASCII && scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            ? Character(scalar) : "_"
        })
  }

  private static func help(_ metric: Metric) -> String {
    metric.unit.isEmpty ? metric.definition : "\(metric.definition), in \(metric.unit)"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    return quotes ? escaped.replacing("\"", with: "\\\"") : escaped
  }

  private static func number(_ value: Double) -> String {
    value.isNaN ? "NaN" : value.isInfinite ? (value > 0 ? "+Inf" : "-Inf") : "\(value)"
  }
}

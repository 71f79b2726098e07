import Records

/// One line of `metrics.jsonl`: the metrics of a step.
public struct MetricLine: Sendable {
  public let step: UInt64
  /// By name, ascending; what is not finite stands as text in the file and as a number here.
  public let values: [(name: String, value: Double)]

  public init(step: UInt64, values: [(name: String, value: Double)]) {
    self.step = step
    self.values = values.sorted { $0.name < $1.name }
  }

  /// Reads a line, without its end.
  /// - Throws: for what is no JSON object of numbers with a step.
  public init(json: some Sequence<UInt8>, location: String) throws(MetricsError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: Array(json), location: location) } catch {
      throw MetricsError(at: location, "a line is no JSON: \(error.problem)")
    }
    guard case .object(let members) = value, let step = value["step"]?.integer, step >= 0 else {
      throw MetricsError(at: location, "a line is no metrics of a step")
    }
    var values: [(name: String, value: Double)] = []
    for member in members where member.name != "step" {
      guard let number = member.value.double ?? member.value.string.flatMap(Self.notFinite) else {
        throw MetricsError(at: location, "\(member.name.shortened) of step \(step) is no number")
      }
      values.append((member.name, number))
    }
    self.init(step: UInt64(step), values: values)
  }

  /// What is not finite, as `metrics.jsonl` spells it.
  private static func notFinite(_ text: String) -> Double? {
    switch text {
    case "NaN": .nan
    case "Infinity": .infinity
    case "-Infinity": -.infinity
    default: nil
    }
  }

  /// The number as `metrics.jsonl` and CSV spell it, without quotes: every one reads back.
  public static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "Infinity" : "-Infinity" }
    if let whole = Int64(exactly: value), value.sign == .plus || whole != 0 { return "\(whole)" }
    return "\(value)"
  }
}

public import Records

/// The last lines of a run's `metrics.jsonl`.
///
/// The file is derived from the logs and not synced, so a power cut may leave holes in it, which
/// the next start of the run fills: a line that cannot be read is counted and left out.
public struct MetricsTail: Sendable {
  /// One object a step, oldest first.
  public let lines: [JSONValue]
  /// Lines that are no JSON.
  public let unreadable: Int

  /// - Parameter bytes: how much of the file's end is looked at.
  /// - Throws: when the file is there and cannot be read; an absent one has no lines.
  public init(path: String, bytes: UInt64 = 1 << 20) throws(InspectorError) {
    let tail = try LineTail(
      path: path, bytes: bytes,
      remedy: "Check its permissions; `pipeline resume` writes it anew.")
    lines = tail.lines
    unreadable = tail.unreadable
  }

  /// One metric over the steps; NaN where a step has none.
  public func series(_ name: String) -> [Double] {
    lines.map { Self.number($0[name]) ?? .nan }
  }

  /// The last step's value.
  public func last(_ name: String) -> Double? {
    series(name).last.flatMap { $0.isNaN ? nil : $0 }
  }

  /// The steps of the lines.
  var steps: [UInt64] { lines.compactMap { $0["step"]?.integer.flatMap(UInt64.init(exactly:)) } }

  /// What is not finite stands as text.
  private static func number(_ value: JSONValue?) -> Double? {
    value.flatMap { $0.double ?? $0.string.flatMap(Double.init) }
  }
}

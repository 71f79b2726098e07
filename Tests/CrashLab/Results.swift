/// What a run came to, without times, rates and memory.
public struct Results: Codable, Equatable, Sendable {
  /// `pipeline queue digest --json`: SHA-256 of every log over its decoded records.
  public var digests: String
  /// SHA-256 of every file of the last checkpoint: weights, moments, critic, state, manifest.
  public var files: [String: String]
  /// Lines of `metrics.jsonl`.
  public var metrics: [[String: String]]
  /// Fields of `summary.json`; nested ones flattened into a text.
  public var summary: [String: String]

  /// Names of what differs, for a failure's text.
  ///
  /// - Parameter withSummary: stages in processes of their own do not evaluate, so their summary
  ///   says less.
  public func differences(_ other: Results, withSummary: Bool = true) -> [String] {
    var found = digests == other.digests ? [] : ["digests \(digests) \(other.digests)"]
    for name in Set(files.keys).union(other.files.keys).sorted()
    where files[name] != other.files[name] {
      found.append("checkpoint file \(name)")
    }
    if metrics.count != other.metrics.count {
      found.append("metrics: \(metrics.count) lines, not \(other.metrics.count)")
    }
    for (line, (mine, others)) in zip(metrics, other.metrics).enumerated() where mine != others {
      found.append("metrics of step \(line): \(Self.difference(mine, others))")
    }
    if withSummary, summary != other.summary {
      found.append("summary: \(Self.difference(summary, other.summary))")
    }
    return found
  }

  private static func difference(_ mine: [String: String], _ other: [String: String]) -> String {
    Set(mine.keys).union(other.keys).sorted().filter { mine[$0] != other[$0] }
      .map { "\($0) \(mine[$0] ?? "nothing") instead of \(other[$0] ?? "nothing")" }
      .joined(separator: "; ")
  }
}

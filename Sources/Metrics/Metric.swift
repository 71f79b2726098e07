/// A number that a run writes for every step, under its name in `metrics.jsonl`: what it means, and where
/// it comes from. What shows a metric takes its words from here.
public struct Metric: Sendable, Equatable {
  /// Under which heading pages and docs show it.
  public enum Group: String, Sendable, CaseIterable {
    case learning
    case stability
    case data
    case speed
  }

  /// The stage that measures it.
  public enum Stage: String, Sendable {
    case loss
    case optimizer

    /// The log whose record of the step holds it.
    public var log: String {
      switch self {
      case .loss: "batches"
      case .optimizer: "updates"
      }
    }
  }

  /// As in `metrics.jsonl`; of a family `accuracy/source/NAME`, where NAME stands for the rest.
  public let name: String
  public let title: String
  /// `share`, `nats`, `tokens`, `seconds` …; empty for a plain number.
  public let unit: String
  public let group: Group
  /// One sentence, without its full stop.
  public let definition: String
  /// Plain text with Unicode mathematics; empty where the definition says it all.
  public let formula: String
  public let stage: Stage
  /// Whether it may be missing in a step, and when it is there: half a sentence; nil: always there.
  public let presence: String?
  /// Whether it is a time, a rate or memory: outside every digest, and another one in every run.
  public let isVolatile: Bool
  /// What others call it.
  public let aliases: [MetricAlias]

  init(
    _ name: String, _ title: String, unit: String = "", _ group: Group, _ stage: Stage,
    _ definition: String, formula: String = "", presence: String? = nil, isVolatile: Bool = false,
    aliases: [MetricAlias] = []
  ) {
    self.name = name
    self.title = title
    self.unit = unit
    self.group = group
    self.definition = definition
    self.formula = formula
    self.stage = stage
    self.presence = presence
    self.isVolatile = isVolatile
    self.aliases = aliases
  }

  /// What the rest of a family's names stands for, as it is written in ``name``.
  static let placeholder = "NAME"

  /// Of a family the part of its names before the placeholder; nil for a single metric.
  public var prefix: String? {
    name.hasSuffix("/\(Self.placeholder)") ? String(name.dropLast(Self.placeholder.count)) : nil
  }

  /// Of a family's metric the name of its own: `addition` of `accuracy/source/addition`.
  public func member(of name: String) -> String? {
    guard let prefix, name.hasPrefix(prefix), name.utf8.count > prefix.utf8.count else {
      return nil
    }
    return String(name.dropFirst(prefix.count))
  }

  /// Where the number of a step is found: `optimizer · updates/12 · loss`.
  public func source(step: String, name: String? = nil) -> String {
    "\(stage.rawValue) · \(stage.log)/\(step) · \(name ?? self.name)"
  }
}

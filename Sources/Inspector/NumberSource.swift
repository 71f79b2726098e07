/// Where a number on a screen comes from: the stage that made it, and the record that holds it.
public struct NumberSource: Sendable, Equatable, Encodable {
  /// The number as the screen names it, with its value: `reward 0.53`.
  public var number: String
  /// `loss assembler`, …; nil for what no stage makes.
  public var stage: String?
  /// `batches/129`, `metrics.jsonl`, …
  public var record: String
  /// The field in it, or how it is made of several.
  public var field: String

  public init(_ number: String, stage: String? = nil, record: String, field: String) {
    self.number = number
    self.stage = stage
    self.record = record
    self.field = field
  }

  /// `reward 0.53 — loss-assembler, batches/129, reward/mean`.
  public var line: String {
    "\(number) — " + [stage, record, field].compactMap { $0 }.joined(separator: ", ")
  }
}

/// A value as JSON, with the sources of its numbers beside it under `explain`.
public struct Explained<Value: Encodable>: Encodable {
  private let value: Value
  private let sources: [NumberSource]

  private enum CodingKeys: String, CodingKey { case explain }

  /// - Parameter value: encodes as an object without a field `explain`.
  public init(_ value: Value, _ sources: [NumberSource]) {
    self.value = value
    self.sources = sources
  }

  public func encode(to encoder: any Encoder) throws {
    try value.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(sources, forKey: .explain)
  }
}

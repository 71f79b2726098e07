import Foundation

/// Views as the pages read them: names in snake case, numbers that are not finite as texts.
enum PageJSON {
  static func encode(_ view: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return [UInt8](try encoder.encode(view))
  }
}

/// A dictionary whose keys are names of the outside world (metrics, runs, tags): they stay as they are,
/// where the encoder would turn those of a dictionary into snake case.
struct Named<Value: Encodable>: Encodable {
  var values: [String: Value]

  init(_ values: [String: Value]) { self.values = values }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Name.self)
    for (name, value) in values { try fields.encode(value, forKey: Name(stringValue: name)) }
  }
}

/// A JSON text as its reader found it: members in file order, integers apart from other numbers.
///
/// For the formats of others (`config.json`, `tokenizer.json`, safetensors headers), where a name
/// given twice, a fraction for a count or a lone surrogate must be refused and not guessed at.
public enum JSONValue: Sendable {
  case null
  case boolean(Bool)
  /// Written without fraction and exponent, and within 64 bits.
  case integer(Int)
  /// Every other number, also integers beyond 64 bits.
  case number(Double)
  case string(String)
  case array([JSONValue])
  /// No name stands twice (compared by UTF-8 bytes).
  case object([JSONMember])
}

/// A name and its value in a JSON object.
public struct JSONMember: Sendable {
  public let name: String
  public let value: JSONValue

  public init(name: String, value: JSONValue) {
    self.name = name
    self.value = value
  }
}

extension JSONValue {
  /// The member called `name`, compared by UTF-8 bytes; nil if there is none or this is no object.
  /// Linear in the number of members.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  /// Like the subscript, with an explicit `null` taken as absent.
  public func present(_ name: String) -> JSONValue? {
    guard let value = self[name], !value.isNull else { return nil }
    return value
  }

  public var isNull: Bool {
    if case .null = self { true } else { false }
  }

  public var boolean: Bool? {
    if case .boolean(let value) = self { value } else { nil }
  }

  public var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// Any number as a double; integers beyond 2^53 are rounded.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  public var array: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  public var object: [JSONMember]? {
    if case .object(let members) = self { members } else { nil }
  }
}

/// A text is not the JSON it should be.
public struct JSONError: DescribedError, Equatable {
  public var location: String
  public var problem: String
  public var remedy: String { "Fetch or write the file again." }
  public var exitStatus: ExitStatus { .mismatch }

  public init(location: String = "JSON", problem: String) {
    self.location = location
    self.problem = problem
  }
}

extension JSONValue {
  /// `text` as a JSON string, quotes included; everything but quotes, backslashes and control
  /// characters stands as it is.
  public static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

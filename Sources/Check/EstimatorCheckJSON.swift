import Records

/// A value of a golden file.
enum GoldenValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([GoldenValue])
  case object([String: GoldenValue])

  init(_ value: JSONValue) {
    switch value {
    case .null: self = .null
    case .boolean(let value): self = .bool(value)
    case .integer(let value): self = .number(Double(value))
    case .number(let value): self = .number(value)
    case .string(let value): self = .string(value)
    case .array(let values): self = .array(values.map(GoldenValue.init))
    case .object(let members):
      self = .object(
        Dictionary(
          members.map { ($0.name, GoldenValue($0.value)) }, uniquingKeysWith: { first, _ in first })
      )
    }
  }

  /// Nil for a missing key and for `null`, which the files use alike for *switched off*.
  subscript(key: String) -> GoldenValue? {
    guard case .object(let fields) = self, let value = fields[key], value != .null else {
      return nil
    }
    return value
  }

  var keys: [String] {
    guard case .object(let fields) = self else { return [] }
    return fields.keys.sorted()
  }

  /// This object with the fields of `other` laid over it.
  func overlaid(by other: GoldenValue?) -> GoldenValue {
    guard case .object(var fields) = self, case .object(let above)? = other else {
      return other ?? self
    }
    fields.merge(above) { $1 }
    return .object(fields)
  }
}

/// Why a case cannot be compared. It is a failure of the case.
struct GoldenProblem: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

// Typed reading: a missing or ill-typed value is a problem of the case and never a default.
extension GoldenValue {
  func required(_ key: String) throws(GoldenProblem) -> GoldenValue {
    guard let value = self[key] else { throw GoldenProblem("\(key) is missing") }
    return value
  }

  /// A number; `"nan"`, `"inf"` and `"-inf"` stand for what JSON cannot write.
  func number() throws(GoldenProblem) -> Double {
    switch self {
    case .number(let value): return value
    case .string("nan"): return .nan
    case .string("inf"): return .infinity
    case .string("-inf"): return -.infinity
    default: throw GoldenProblem("a number is expected, not \(kindName)")
    }
  }

  func integer() throws(GoldenProblem) -> Int {
    guard let value = Int(exactly: try number()) else {
      throw GoldenProblem("a whole number is expected")
    }
    return value
  }

  func bool() throws(GoldenProblem) -> Bool {
    switch self {
    case .bool(let value): return value
    case .number(0): return false
    case .number(1): return true
    default: throw GoldenProblem("true or false is expected, not \(kindName)")
    }
  }

  func string() throws(GoldenProblem) -> String {
    guard case .string(let value) = self else {
      throw GoldenProblem("a text is expected, not \(kindName)")
    }
    return value
  }

  func array() throws(GoldenProblem) -> [GoldenValue] {
    guard case .array(let values) = self else {
      throw GoldenProblem("a list is expected, not \(kindName)")
    }
    return values
  }

  func numbers() throws(GoldenProblem) -> [Double] {
    var result: [Double] = []
    for value in try array() { result.append(try value.number()) }
    return result
  }

  /// Numbers to compare with: `null`, where the peer's was not finite, becomes NaN.
  func comparableNumbers() throws(GoldenProblem) -> [Double] {
    var result: [Double] = []
    for value in try array() { result.append(value == .null ? .nan : try value.number()) }
    return result
  }

  func integers() throws(GoldenProblem) -> [Int] {
    var result: [Int] = []
    for value in try array() { result.append(try value.integer()) }
    return result
  }

  func strings() throws(GoldenProblem) -> [String] {
    var result: [String] = []
    for value in try array() { result.append(try value.string()) }
    return result
  }

  func bools() throws(GoldenProblem) -> [Bool] {
    var result: [Bool] = []
    for value in try array() { result.append(try value.bool()) }
    return result
  }

  func ragged() throws(GoldenProblem) -> [[Double]] {
    var result: [[Double]] = []
    for row in try array() { result.append(try row.numbers()) }
    return result
  }

  func raggedIntegers() throws(GoldenProblem) -> [[Int]] {
    var result: [[Int]] = []
    for row in try array() { result.append(try row.integers()) }
    return result
  }

  private var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .number: "a number"
    case .string: "a text"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

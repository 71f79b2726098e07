import Operators
import Policy
import Records

/// Reading the golden files; every absence is an error that names the member.
extension ModelCheck {
  static func member(_ value: JSONValue, _ name: String) throws -> JSONValue {
    guard let member = value[name] else { throw Malformed(description: "no member \(name)") }
    return member
  }

  static func array(_ value: JSONValue, _ name: String) throws -> [JSONValue] {
    guard let array = try member(value, name).array else {
      throw Malformed(description: "\(name) is no array")
    }
    return array
  }

  static func number(_ value: JSONValue, _ name: String) throws -> Double {
    guard let number = value.double else { throw Malformed(description: "\(name) is no number") }
    return number
  }

  static func double(_ value: JSONValue, _ name: String) throws -> Double {
    try number(try member(value, name), name)
  }

  static func integer(_ value: JSONValue, _ name: String) throws -> Int {
    guard let integer = try member(value, name).integer else {
      throw Malformed(description: "\(name) is no integer")
    }
    return integer
  }

  static func doubles(_ value: JSONValue, _ name: String) throws -> [Double] {
    try array(value, name).map { try number($0, name) }
  }

  static func tokens(_ value: JSONValue, _ name: String) throws -> [Int32] {
    try array(value, name).map {
      guard let token = $0.integer, let id = Int32(exactly: token) else {
        throw Malformed(description: "\(name) holds no token id")
      }
      return id
    }
  }

  /// A stored tensor, as doubles.
  func tensor(_ name: String) throws -> [Double] {
    guard let tensor = vectors.tensor(named: name) else {
      throw Malformed(description: "no tensor \(name)")
    }
    return try vectors.floats(of: tensor).map(Double.init)
  }

  /// Calls `body` with every parameter's name and its range in the flat arrays.
  func forEachParameter(_ body: (String, Range<Int>) throws -> Void) rethrows {
    var start = 0
    for tensor in configuration.parameters {
      try body(tensor.name, start..<start + tensor.count)
      start += tensor.count
    }
  }
}

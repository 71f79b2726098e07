import Records

/// What a request's first line asks for, decoded once and checked: no part of a path leads upwards or
/// out, whatever is done with it later.
public struct RequestTarget: Sendable, Equatable {
  /// Parts of the path; one may hold slashes that were encoded, none is empty, `.` or `..`, nor are the
  /// parts that such slashes make.
  public let path: [String]
  /// Each name once.
  public let query: [String: String]

  private static let mostParts = 16
  private static let mostParameters = 32

  /// - Parameter text: in origin form, `/runs/a%2Fb?where=x%3D1`.
  public init(_ text: String) throws(WebError) {
    guard text.utf8.first == UInt8(ascii: "/") else {
      throw .badTarget("it does not begin with a slash")
    }
    guard !text.utf8.contains(UInt8(ascii: "#")) else { throw .badTarget("it holds a fragment") }
    let halves = text.utf8.split(
      separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
    path = try Self.parts(halves[0])
    query = halves.count == 2 ? try Self.parameters(halves[1]) : [:]
  }

  private static func parts(_ text: Substring.UTF8View) throws(WebError) -> [String] {
    var parts = text.dropFirst().split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if parts.last?.isEmpty == true { parts.removeLast() }
    guard parts.count <= mostParts else { throw .badTarget("it has \(parts.count) parts") }
    var decoded: [String] = []
    for part in parts { decoded.append(try checked(decode(part, plusIsSpace: false))) }
    return decoded
  }

  private static func checked(_ part: String) throws(WebError) -> String {
    guard part.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }) else {
      throw .badTarget("a part of its path holds a control character or a backslash")
    }
    let names = part.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for name in names where name.isEmpty || name.allSatisfy({ $0 == UInt8(ascii: ".") }) {
      throw .badTarget("a part of its path is empty or made of dots")
    }
    return part
  }

  private static func parameters(
    _ text: Substring.UTF8View
  ) throws(WebError) -> [String: String] {
    let items = text.split(separator: UInt8(ascii: "&"))
    guard items.count <= mostParameters else {
      throw .badTarget("it has \(items.count) parameters")
    }
    var parameters: [String: String] = [:]
    for item in items {
      let halves = item.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let name = try decode(halves[0], plusIsSpace: true)
      let value = halves.count == 2 ? try decode(halves[1], plusIsSpace: true) : ""
      guard parameters.updateValue(value, forKey: name) == nil else {
        throw .badTarget("a parameter stands there twice")
      }
    }
    return parameters
  }

  /// Percent-decodes, once.
  private static func decode(
    _ text: Substring.UTF8View, plusIsSpace: Bool
  ) throws(WebError) -> String {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
        else { throw .badTarget("a percent sign is not followed by two hexadecimal digits") }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    guard let decoded = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw .badTarget("it is no UTF-8, or holds a NUL")
    }
    return decoded
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

import Records

/// A JSON value as results are compared: members in no order, 1 and 1.0 alike, fractions to nine digits.
struct CodeValue: Equatable {
  private let value: JSONValue

  init(_ value: JSONValue) { self.value = value }

  static func == (a: CodeValue, b: CodeValue) -> Bool { isEqual(a.value, b.value) }

  private static func isEqual(_ a: JSONValue, _ b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy(isEqual)
    case (.object(let a), .object(let b)):
      a.count == b.count
        && a.allSatisfy { member in
          b.first { $0.name == member.name }.map { isEqual(member.value, $0.value) } ?? false
        }
    default:
      if let a = a.double, let b = b.double {
        abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))
      } else {
        false
      }
    }
  }
}

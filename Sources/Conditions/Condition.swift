/// What rows or groups are chosen by: `level >= 2 and (source = addition or not prompt ~ "why")`.
///
///     condition   = all ("or" all)*
///     all         = one ("and" one)*
///     one         = "not" one | "(" condition ")" | comparison
///     comparison  = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~") value
///                 | field "in" "(" value ("," value)* ")"
///                 | field
///     value       = a number, a word, or a text in double or single quotes
///
/// Words are letters, digits and `_ . - / : @ +`. `~` is "contains", case aside, of texts alone. A field
/// alone holds where it has a value. A comparison with a field that has no value does not hold, `!=` and
/// `!~` neither; `not` turns it around.
public struct Condition: Sendable, Equatable {
  /// What a field is compared as.
  public enum Kind: Sendable, Equatable {
    case number
    case text
    /// Text that is compared as a number with numbers: a tag.
    case either
  }

  public enum Value: Sendable, Equatable {
    case number(Double)
    case text(String)
  }

  public enum Comparison: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contains = "~"
    case containsNot = "!~"
  }

  public indirect enum Term: Sendable, Equatable {
    case all([Term])
    case any([Term])
    case not(Term)
    case compare(String, Comparison, Value)
    case isOneOf(String, [Value])
    case hasValue(String)
  }

  public let text: String
  public let term: Term

  /// - Parameters:
  ///   - fields: what a name stands for; nil for one that is none.
  ///   - names: the fields' names, for errors.
  /// - Throws: `ConditionError`, which points at the character that is wrong.
  public init(
    _ text: String, names: [String], fields: (String) -> Kind?
  ) throws(ConditionError) {
    self.text = text
    var parser = try ConditionParser(text, names: names)
    term = try parser.condition(fields)
  }

  /// What both ask for.
  public func and(_ other: Condition) -> Condition {
    Condition(text: "(\(text)) and (\(other.text))", term: .all([term, other.term]))
  }

  /// A comparison that needs no reading.
  public static func compare(
    _ field: String, _ comparison: Comparison, _ value: Value
  ) -> Condition {
    Condition(
      text: "\(field) \(comparison.rawValue) \"\(value.text)\"",
      term: .compare(field, comparison, value))
  }

  private init(text: String, term: Term) {
    self.text = text
    self.term = term
  }

  /// The fields that it asks for.
  public var fields: Set<String> { term.fields }

  /// - Parameter value: of a field; nil where it has none.
  public func holds(_ value: (String) -> Value?) -> Bool { term.holds(value) }
}

extension Condition.Term {
  public var fields: Set<String> {
    switch self {
    case .all(let terms), .any(let terms): Set(terms.flatMap(\.fields))
    case .not(let term): term.fields
    case .compare(let field, _, _), .isOneOf(let field, _), .hasValue(let field): [field]
    }
  }

  func holds(_ value: (String) -> Condition.Value?) -> Bool {
    switch self {
    case .all(let terms): terms.allSatisfy { $0.holds(value) }
    case .any(let terms): terms.contains { $0.holds(value) }
    case .not(let term): !term.holds(value)
    case .compare(let field, let comparison, let other):
      value(field).map { $0.compares(comparison, other) } ?? false
    case .isOneOf(let field, let others):
      value(field).map { value in others.contains { value.compares(.equal, $0) } } ?? false
    case .hasValue(let field): value(field) != nil
    }
  }
}

extension Condition.Value {
  /// With a number a text is compared as one, if it is one; with a text as texts are.
  public func compares(_ comparison: Condition.Comparison, _ other: Condition.Value) -> Bool {
    switch comparison {
    case .contains: return text.lowercased().contains(other.text.lowercased())
    case .containsNot: return !text.lowercased().contains(other.text.lowercased())
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: break
    }
    if case .number(let b) = other, let a = number { return Self.compare(a, comparison, b) }
    return Self.compare(text, comparison, other.text)
  }

  private static func compare<T: Comparable>(
    _ a: T, _ comparison: Condition.Comparison, _ b: T
  ) -> Bool {
    switch comparison {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    case .contains, .containsNot: preconditionFailure("\(comparison) compares texts")
    }
  }

  private var number: Double? {
    switch self {
    case .number(let number): number
    case .text(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// As `--where` would say it.
  public var text: String {
    switch self {
    case .number(let number):
      number == number.rounded() && abs(number) < 1e15
        ? "\(Int(number))" : "\(number)"
    case .text(let text): text
    }
  }
}

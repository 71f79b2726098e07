import Records

/// Reads a condition by recursive descent; see `Condition` for the grammar.
struct ConditionParser {
  private enum Token: Equatable {
    case word(String)
    case number(Double, text: String)
    case quoted(String)
    case comparison(Condition.Comparison)
    case open
    case close
    case comma
    case end
  }

  /// Terms within terms, and characters: more is an accident, and would cost the stack.
  private static let depthLimit = 64
  private static let lengthLimit = 10_000

  private let text: String
  private let names: [String]
  private var tokens: [(token: Token, offset: Int)] = []
  private var position = 0
  private var depth = 0

  init(_ text: String, names: [String]) throws(ConditionError) {
    self.text = text
    self.names = names
    guard text.count <= Self.lengthLimit else {
      throw ConditionError(
        text, at: Self.lengthLimit, "the condition is longer than \(Self.lengthLimit) characters",
        remedy: "Write a shorter one.")
    }
    tokens = try scan()
  }

  mutating func condition(
    _ fields: (String) -> Condition.Kind?
  ) throws(ConditionError) -> Condition.Term {
    let term = try any(fields)
    guard current == .end else {
      throw error("what follows belongs to nothing", "Join it with and, or.")
    }
    return term
  }

  // MARK: Terms

  private mutating func any(
    _ fields: (String) -> Condition.Kind?
  ) throws(ConditionError) -> Condition.Term {
    var terms = [try all(fields)]
    while takeWord("or") { terms.append(try all(fields)) }
    return terms.count == 1 ? terms[0] : .any(terms)
  }

  private mutating func all(
    _ fields: (String) -> Condition.Kind?
  ) throws(ConditionError) -> Condition.Term {
    var terms = [try one(fields)]
    while takeWord("and") { terms.append(try one(fields)) }
    return terms.count == 1 ? terms[0] : .all(terms)
  }

  private mutating func one(
    _ fields: (String) -> Condition.Kind?
  ) throws(ConditionError) -> Condition.Term {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else {
      throw error(
        "more than \(Self.depthLimit) levels stand within each other", "Write it flatter.")
    }
    if takeWord("not") { return .not(try one(fields)) }
    guard current == .open else { return try comparison(fields) }
    position += 1
    let term = try any(fields)
    guard current == .close else { throw error("a closing bracket is missing", "Write it.") }
    position += 1
    return term
  }

  private mutating func comparison(
    _ fields: (String) -> Condition.Kind?
  ) throws(ConditionError) -> Condition.Term {
    guard case .word(let name) = current else {
      throw error("a field must stand here", remedyNamingFields)
    }
    guard let kind = fields(name) else {
      throw error("there is no field \(name.shortened)", remedyNamingFields)
    }
    position += 1
    if takeWord("in") { return .isOneOf(name, try list(kind)) }
    guard case .comparison(let comparison) = current else { return .hasValue(name) }
    if kind == .number, comparison == .contains || comparison == .containsNot {
      throw error("\(name) is a number, which contains nothing", "Compare it with =, <, >.")
    }
    position += 1
    return .compare(name, comparison, try value(kind, of: name))
  }

  private mutating func list(_ kind: Condition.Kind) throws(ConditionError) -> [Condition.Value] {
    guard current == .open else { throw error("a list must follow in", "Write in (a, b).") }
    position += 1
    var values = [try value(kind, of: "the list")]
    while current == .comma {
      position += 1
      values.append(try value(kind, of: "the list"))
    }
    guard current == .close else { throw error("the list is not closed", "Write in (a, b).") }
    position += 1
    return values
  }

  private mutating func value(
    _ kind: Condition.Kind, of name: String
  ) throws(ConditionError) -> Condition.Value {
    let value: Condition.Value
    switch current {
    case .number(let number, let text): value = kind == .text ? .text(text) : .number(number)
    case .word(let text), .quoted(let text):
      guard kind != .number else {
        throw error("\(name) is a number, \(text.shortened) is none", "Write a number.")
      }
      value = .text(text)
    default: throw error("a value must stand here", "Write a number, a word, or a text in quotes.")
    }
    position += 1
    return value
  }

  // MARK: Tokens

  private var current: Token { tokens[position].token }

  private mutating func takeWord(_ word: String) -> Bool {
    guard current == .word(word) else { return false }
    position += 1
    return true
  }

  private var remedyNamingFields: String { "Fields: \(names.joined(separator: ", "))." }

  private func error(_ problem: String, _ remedy: String) -> ConditionError {
    ConditionError(text, at: tokens[position].offset, problem, remedy: remedy)
  }

  private func scan() throws(ConditionError) -> [(token: Token, offset: Int)] {
    let characters = Array(text)
    var tokens: [(token: Token, offset: Int)] = []
    var place = 0
    while place < characters.count {
      let start = place
      let character = characters[place]
      switch character {
      case _ where character.isWhitespace:
        place += 1
        continue
      case "(": tokens.append((.open, start))
      case ")": tokens.append((.close, start))
      case ",": tokens.append((.comma, start))
      case "\"", "'":
        guard let end = characters[(place + 1)...].firstIndex(of: character) else {
          throw ConditionError(
            text, at: start, "the text is not closed", remedy: "Close the quotes.")
        }
        tokens.append((.quoted(String(characters[place + 1..<end])), start))
        place = end
      case "=", "!", "<", ">", "~":
        let pair = String(characters[place..<min(place + 2, characters.count)])
        // `==` is what programmers write.
        if let comparison = Condition.Comparison(rawValue: pair == "==" ? "=" : pair),
          pair.count == 2
        {
          tokens.append((.comparison(comparison), start))
          place += 1
        } else if let comparison = Condition.Comparison(rawValue: String(character)) {
          tokens.append((.comparison(comparison), start))
        } else {
          throw ConditionError(
            text, at: start, "! alone compares nothing", remedy: "Write != or !~, or not before it."
          )
        }
      case _ where Self.isWordPart(character):
        while place + 1 < characters.count, Self.isWordPart(characters[place + 1]) { place += 1 }
        let word = String(characters[start...place])
        let number = Double(word).flatMap { $0.isFinite ? $0 : nil }
        tokens.append((number.map { .number($0, text: word) } ?? .word(word), start))
      default:
        throw ConditionError(
          text, at: start, "this character means nothing here",
          remedy: "Put texts with such characters in quotes.")
      }
      place += 1
    }
    return tokens + [(.end, characters.count)]
  }

  private static func isWordPart(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "_.-/:@+".contains(character)
  }
}

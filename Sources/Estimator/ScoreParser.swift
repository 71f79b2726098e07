/// Reads the text of a `ScoreExpression` by recursive descent into instructions in postfix order.
struct ScoreParser {
  private(set) var instructions: [ScoreInstruction] = []
  private(set) var names: [String] = []
  private let text: String
  private let characters: [Character]
  private let key: String
  private var position = 0
  private var depth = 0
  /// Beyond this nesting the recursion is refused, long before the stack ends.
  private static let deepest = 64

  init(text: String, key: String) {
    self.text = text
    self.key = key
    characters = Array(text)
  }

  mutating func parse() throws(EstimatorError) {
    try sum()
    guard peek() == nil else { throw failure("there is no operator before \(found())") }
  }

  private mutating func sum() throws(EstimatorError) {
    try product()
    while let sign = take("+", "-") {
      try product()
      instructions.append(sign == "+" ? .add : .subtract)
    }
  }

  private mutating func product() throws(EstimatorError) {
    try factor()
    while let sign = take("*", "/") {
      let character = position
      try factor()
      instructions.append(sign == "*" ? .multiply : .divide(character: character))
    }
  }

  private mutating func factor() throws(EstimatorError) {
    guard depth < Self.deepest else { throw failure("it nests deeper than \(Self.deepest)") }
    depth += 1
    defer { depth -= 1 }
    if let sign = take("-", "+") {
      try factor()
      if sign == "-" { instructions.append(.negate) }
    } else if take("(") != nil {
      try sum()
      guard take(")") != nil else { throw failure("a ) is expected, not \(found())") }
    } else if let first = peek(), Self.isLetter(first) {
      name()
    } else if let first = peek(), Self.isDigit(first) || first == "." {
      try number()
    } else {
      throw failure("a number, a name or ( is expected, not \(found())")
    }
  }

  private mutating func name() {
    let name = String(run { Self.isLetter($0) || Self.isDigit($0) })
    let index = names.firstIndex(of: name) ?? names.count
    if index == names.count { names.append(name) }
    instructions.append(.name(index))
  }

  /// Digits, a point, an exponent: `2`, `.5`, `1e-3`.
  private mutating func number() throws(EstimatorError) {
    let start = position
    var digits = run { Self.isDigit($0) || $0 == "." }
    if position < characters.count, characters[position] == "e" || characters[position] == "E" {
      digits.append("e")
      position += 1
      if position < characters.count, characters[position] == "-" || characters[position] == "+" {
        digits.append(characters[position])
        position += 1
      }
      digits += run(Self.isDigit)
    }
    guard let value = Double(String(digits)), value.isFinite else {
      position = start
      throw failure("\(String(digits)) is no number")
    }
    instructions.append(.number(value))
  }

  /// The characters from here on that are `wanted`, passed over.
  private mutating func run(_ wanted: (Character) -> Bool) -> [Character] {
    let start = position
    while position < characters.count, wanted(characters[position]) { position += 1 }
    return Array(characters[start..<position])
  }

  /// The next character that is no white space; nil at the end.
  private mutating func peek() -> Character? {
    while position < characters.count, characters[position].isWhitespace { position += 1 }
    return position < characters.count ? characters[position] : nil
  }

  private mutating func take(_ wanted: Character...) -> Character? {
    guard let next = peek(), wanted.contains(next) else { return nil }
    position += 1
    return next
  }

  private mutating func found() -> String { peek().map { "\"\($0)\"" } ?? "the end" }

  private func failure(_ problem: String) -> EstimatorError {
    .parameter(
      key, "\(problem), at character \(position + 1) of \"\(text)\"",
      remedy: "Write numbers, reward, length and verdict components with + - * / and parentheses.")
  }

  private static func isLetter(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character == "_")
  }

  private static func isDigit(_ character: Character) -> Bool {
    character.isASCII && character.isNumber
  }
}

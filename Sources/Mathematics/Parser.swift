/// How commas between digits are read.
public enum CommaReading: Sendable, CaseIterable {
  /// `1,234` is a number outside of brackets, all other commas separate.
  case thousands
  /// All commas separate.
  case list
  /// `0,5` is a number if nothing else stands there.
  case decimal
}

/// Reads LaTeX and plain mathematics by recursive descent:
///
///     list      = relation (separator relation)*
///     relation  = sets (relationSign sets)*
///     sets      = ratio ((∪ | ∩ | ∖) ratio)*
///     ratio     = sum (":" sum)*
///     sum       = product (("+" | "-" | "±") product)*
///     product   = signed (("·" | "/" | nothing) signed)*
///     signed    = ("+" | "-" | "±")* postfix
///     postfix   = primary ("^" … | "_" … | "!" | "%" | "°")*
///
/// What it does not know makes the whole text unreadable: nothing is guessed, skipped or evaluated.
/// Bounded by ``Limits``: length, depth, and a budget charged per token.
struct Parser {
  var lexer: Lexer
  let budget: Budget
  let commas: CommaReading
  /// The token that comes next.
  var token = Token.end
  /// How deep the expression at hand is nested, and within which signs.
  var depth = 0
  /// Brackets that are open: commas separate within them.
  var brackets = 0
  /// Absolute bars that are open.
  var bars = 0
  /// Within `]a, b[`, where `[` closes.
  var isReversed = false
  /// The units that were passed, for comparison with the other side's.
  private(set) var units: [String] = []
  /// Whether `&` parts cells; elsewhere it aligns, and means nothing.
  var hasCells = false
  /// Curly brackets in which a bar or colon ends the variable part.
  var builders = 0

  init(_ bytes: [UInt8], commas: CommaReading, budget: Budget) throws(MathematicsError) {
    guard bytes.count <= Limits.textBytes else { throw .budget }
    lexer = Lexer(Self.unescaped(bytes))
    self.commas = commas
    self.budget = budget
    try advance()
  }

  /// A text all of whose backslashes are doubled was escaped once too often.
  private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
    let backslash = UInt8(ascii: "\\")
    var place = 0
    var hasCommand = false
    while place < bytes.count {
      guard bytes[place] == backslash else {
        place += 1
        continue
      }
      let start = place
      while place < bytes.count, bytes[place] == backslash { place += 1 }
      guard (place - start) % 2 == 0 else { return bytes }
      hasCommand = hasCommand || Text.isLetter(place < bytes.count ? bytes[place] : nil)
    }
    guard hasCommand else { return bytes }
    var result: [UInt8] = []
    var isSecond = false
    for byte in bytes {
      if byte == backslash {
        isSecond.toggle()
        if !isSecond { continue }
      }
      result.append(byte)
    }
    return result
  }

  /// The whole text as one expression.
  mutating func parse() throws(MathematicsError) -> Expression {
    let expression = try list()
    guard token == .end else { throw .unreadable }
    return expression
  }

  mutating func advance() throws(MathematicsError) {
    try budget.spend(2)
    token = lexer.next()
    if token == .unreadable { throw .unreadable }
  }

  mutating func accept(_ wanted: Token) throws(MathematicsError) -> Bool {
    guard token == wanted else { return false }
    try advance()
    return true
  }

  mutating func expect(_ wanted: Token) throws(MathematicsError) {
    guard try accept(wanted) else { throw .unreadable }
  }

  /// Runs a part one level deeper.
  mutating func nested<Result>(
    _ body: (inout Parser) throws(MathematicsError) -> Result
  ) throws(MathematicsError) -> Result {
    guard depth < Limits.depth else { throw .budget }
    depth += 1
    let result = try body(&self)
    depth -= 1
    return result
  }

  // MARK: Lists and relations

  mutating func list() throws(MathematicsError) -> Expression {
    var items: [Expression] = []
    while true {
      while token == .separator || token == .row || (token == .ampersand && !hasCells) {
        try advance()
      }
      // `]1, 2[` begins with a bracket that otherwise closes.
      if endsList(token), token != .close(.square) || brackets > 0 { break }
      items.append(try relation())
      guard items.count <= Limits.repetitions else { throw .budget }
      guard token == .separator || token == .row else { break }
    }
    guard let first = items.first else { throw .unreadable }
    return items.count == 1 ? first : .list(items)
  }

  private func endsList(_ token: Token) -> Bool {
    switch token {
    case .end, .close, .closeBrace, .endEnvironment, .infix: true
    default: false
    }
  }

  mutating func relation() throws(MathematicsError) -> Expression {
    // `= 5`, `\approx 5`: what is named stands outside.
    if token == .relation(.equal) || token == .relation(.approximate) { try advance() }
    let left = try sets()
    var rest: [Expression.Comparison] = []
    while true {
      while token == .ampersand, !hasCells { try advance() }
      guard case .relation(let sign) = token else { break }
      try advance()
      while token == .ampersand, !hasCells { try advance() }
      // `x = = 5` and a chain broken at its sign by a new row.
      if token == .row, !hasCells { try advance() }
      rest.append(Expression.Comparison(relation: sign, right: try sets()))
      guard rest.count <= Limits.repetitions else { throw .budget }
    }
    return rest.isEmpty ? left : .relation(left, rest)
  }

  private mutating func sets() throws(MathematicsError) -> Expression {
    var left = try ratio()
    for _ in 0..<Limits.chain {
      if case .setOperator(let sign) = token {
        try advance()
        left = .setOperation(sign, left, try ratio())
      } else if token == .symbol("U"), case .group = left {
        // (1,2) U (3,4)
        try advance()
        left = .setOperation(.union, left, try ratio())
      } else {
        return left
      }
    }
    throw .budget
  }

  private mutating func ratio() throws(MathematicsError) -> Expression {
    let first = try sum()
    guard token == .colon, builders == 0 else { return first }
    var parts = [first]
    while try accept(.colon) { parts.append(try sum()) }
    return .ratio(parts)
  }

  // MARK: Sums and products

  mutating func sum() throws(MathematicsError) -> Expression {
    var parts = [try product()]
    var chain = 0
    while true {
      switch token {
      case .plus:
        try advance()
        parts.append(try product())
      case .minus:
        try advance()
        parts.append(.negative(try product()))
      case .plusMinus, .minusPlus:
        let isMirrored = token == .minusPlus
        chain += 1
        guard chain <= Limits.chain else { throw .budget }
        try advance()
        let left = parts.count == 1 ? parts[0] : .sum(parts)
        parts = [.plusMinus(left, try product(), isMirrored: isMirrored)]
      default: return parts.count == 1 ? parts[0] : .sum(parts)
      }
      guard parts.count <= Limits.repetitions else { throw .budget }
    }
  }

  mutating func product() throws(MathematicsError) -> Expression {
    var left = try signed()
    var parts: [Expression] = []
    var chain = 0
    while true {
      switch token {
      case .times:
        try advance()
        parts.append(left)
        left = try signed()
      case .over:
        try advance()
        if try skipUnit() { continue }
        chain += 1
        guard chain <= Limits.chain else { throw .budget }
        if !parts.isEmpty {
          left = .product(parts + [left])
          parts = []
        }
        left = .quotient(left, try signed())
      default:
        if try skipUnit() { continue }
        guard beginsFactor() else {
          return parts.isEmpty ? left : .product(parts + [left])
        }
        parts.append(left)
        left = try postfix()
      }
      guard parts.count <= Limits.repetitions else { throw .budget }
    }
  }

  /// Whether what comes is multiplied without a sign. A number is not: `2 3` is no product.
  private func beginsFactor() -> Bool {
    switch token {
    case .symbol(let name): !(name == "U" && builders == 0 && isBeforeBracket())
    case .word, .function, .fraction, .binomial, .squareRoot, .cubeRoot, .accent, .bigOperator,
      .begin, .boxed, .infinity, .vulgar, .openBrace:
      true
    case .text(let words): Self.multipliers[words.lowercased()] != nil
    case .open(let delimiter): delimiter != .angle && !(delimiter == .square && isReversed)
    case .bar, .doubleBar: bars == 0 && builders == 0
    default: false
    }
  }

  private func isBeforeBracket() -> Bool {
    var place = lexer.place
    while lexer.has(" ", at: place) { place += 1 }
    return lexer.has("(", at: place) || lexer.has("[", at: place)
  }

  mutating func signed() throws(MathematicsError) -> Expression {
    switch token {
    case .plus:
      try advance()
      return try nested { (parser) throws(MathematicsError) in try parser.signed() }
    case .minus:
      try advance()
      return .negative(try nested { (parser) throws(MathematicsError) in try parser.signed() })
    case .plusMinus, .minusPlus:
      let isMirrored = token == .minusPlus
      try advance()
      let part = try nested { (parser) throws(MathematicsError) in try parser.signed() }
      return .plusMinus(nil, part, isMirrored: isMirrored)
    default: return try postfix()
    }
  }

  /// Units behind a value, with their exponents: `cm²`, `square miles per hour`.
  private mutating func skipUnit() throws(MathematicsError) -> Bool {
    var found = false
    while true {
      switch token {
      case .text(let phrase) where Words.isUnit(phrase, isText: true): units.append(phrase)
      case .word(let phrase) where Words.isUnit(phrase, isText: false): units.append(phrase)
      default: return found
      }
      found = true
      try advance()
      if try accept(.caret) {
        _ = try argument()
      } else if case .superscript = token {
        try advance()
      }
      if token == .over, let unit = unitBehindSlash() {
        lexer.move(to: unit)
        try advance()
      }
    }
  }

  /// The place of a unit behind a slash at hand.
  private func unitBehindSlash() -> Int? {
    var probe = lexer
    switch probe.next() {
    case .text(let phrase) where Words.isUnit(phrase, isText: true): return lexer.place
    case .word(let phrase) where Words.isUnit(phrase, isText: false): return lexer.place
    default: return nil
    }
  }

  /// What a command or `^` takes: a group, a digit, or one primary.
  mutating func argument() throws(MathematicsError) -> Expression {
    if token == .openBrace { return try group() }
    if token == .number {
      let digit = lexer.bytes[lexer.start]
      guard Text.isDigit(digit) else { throw .unreadable }
      lexer.move(to: lexer.start + 1)
      try advance()
      return .number(Rational(Int(digit & 0x0F)), places: nil)
    }
    return try nested { (parser) throws(MathematicsError) in try parser.primary() }
  }

  /// `{…}` as grouping.
  mutating func group() throws(MathematicsError) -> Expression {
    try expect(.openBrace)
    let (outerBars, outerBuilders) = (bars, builders)
    (bars, builders) = (0, 0)
    var inside = try nested { (parser) throws(MathematicsError) in try parser.list() }
    if case .infix(let name) = token {
      try advance()
      let below = try nested { (parser) throws(MathematicsError) in try parser.list() }
      inside = name == "over" ? .quotient(inside, below) : .function(name, [inside, below])
    }
    (bars, builders) = (outerBars, outerBuilders)
    try expect(.closeBrace)
    return inside
  }
}

extension Parser {
  mutating func postfix() throws(MathematicsError) -> Expression {
    let isNumber = token == .number
    let start = lexer.start
    var value = try nested { (parser) throws(MathematicsError) in try parser.primary() }
    if isNumber, let mixed = try mixedNumber(value) { value = mixed }
    for _ in 0..<Limits.chain {
      switch token {
      case .caret:
        try advance()
        value = try raised(value)
      case .superscript(let digit):
        try advance()
        value = .power(value, .number(Rational(try digits(after: digit)), places: nil))
      case .superscriptMinus:
        try advance()
        guard case .superscript(let digit) = token else { throw .unreadable }
        try advance()
        value = .power(value, .number(Rational(-(try digits(after: digit))), places: nil))
      case .bang:
        try advance()
        value = .function("factorial", [value])
      case .percent:
        try advance()
        // `7 % 42` is no number.
        guard token != .number else { throw .unreadable }
        value = .percent(value)
      case .degree:
        try advance()
        value = try degrees(value)
      case .underscore where isNumber:
        value = try based(lexer.bytes[start..<lexer.start])
      case .modulus:
        try advance()
        if token == .openBrace {
          _ = try group()
        } else {
          let divisor = try nested { (parser) throws(MathematicsError) in try parser.postfix() }
          value = .function("mod", [value, divisor])
        }
      default: return value
      }
    }
    throw .budget
  }

  private mutating func digits(after first: Int) throws(MathematicsError) -> Int {
    var value = first
    while case .superscript(let digit) = token, value < 100_000 {
      value = value * 10 + digit
      try advance()
    }
    return value
  }

  private mutating func raised(_ base: Expression) throws(MathematicsError) -> Expression {
    switch token {
    case .degree:
      try advance()
      return try degrees(base)
    case .prime:
      try advance()
      return base
    case .minus:
      try advance()
      return .power(base, .negative(try exponent()))
    case .openBrace:
      if let exponent = try bracedExponent() { return .power(base, exponent) }
      return try degrees(base)
    default: return .power(base, try exponent())
    }
  }

  /// 25 °C is 25 as 25° is.
  private mutating func degrees(_ value: Expression) throws(MathematicsError) -> Expression {
    if token == .symbol("C") || token == .symbol("F") { try advance() }
    return .degree(value)
  }

  /// Without braces a whole number or a primary, which may be raised itself: 2^10, 9^9^9.
  private mutating func exponent() throws(MathematicsError) -> Expression {
    let primary =
      token == .openBrace
      ? try group()
      : try nested { (parser) throws(MathematicsError) in try parser.primary() }
    guard token == .caret else { return primary }
    return try nested { (parser) throws(MathematicsError) in
      try parser.advance()
      return try parser.raised(primary)
    }
  }

  /// Nil: `{\circ}`.
  private mutating func bracedExponent() throws(MathematicsError) -> Expression? {
    var probe = lexer
    if probe.next() == .degree, probe.next() == .closeBrace {
      try advance()
      try advance()
      try advance()
      return nil
    }
    return try group()
  }

  /// `7\frac{6}{7}`, `7 6/7`, `7½`: a whole number and a fraction of plain numbers.
  private mutating func mixedNumber(
    _ value: Expression
  ) throws(MathematicsError) -> Expression? {
    guard case .number(let whole, places: nil) = value, whole.isWhole else { return nil }
    switch token {
    case .vulgar(let top, let bottom):
      try advance()
      let part = Rational(Integer(top), over: Integer(bottom))
      return .number(whole + part, places: nil)
    case .fraction:
      let saved = self
      try advance()
      let (top, bottom) = (try argument(), try argument())
      if let part = Self.plainFraction(top, bottom) { return .number(whole + part, places: nil) }
      self = saved
      return nil
    case .number where lexer.hadBlank:
      let saved = self
      if case .number(let top, places: nil) = try primary(), token == .over {
        try advance()
        if token == .number, case .number(let bottom, places: nil) = try primary(),
          let part = Self.plainFraction(
            .number(top, places: nil), .number(bottom, places: nil))
        {
          return .number(whole + part, places: nil)
        }
      }
      self = saved
      return nil
    default: return nil
    }
  }

  private static func plainFraction(_ top: Expression, _ bottom: Expression) -> Rational? {
    guard case .number(let a, places: nil) = top, case .number(let b, places: nil) = bottom,
      a.isWhole, b.isWhole, !b.isZero, !a.isNegative
    else { return nil }
    return a / b
  }

  /// `1021_3`: digits in another base.
  private mutating func based(_ text: ArraySlice<UInt8>) throws(MathematicsError) -> Expression {
    try advance()
    let digits = Text.trimmed(text)
    let base: Expression
    if token == .openBrace {
      base = try group()
    } else {
      base = try nested { (parser) throws(MathematicsError) in try parser.primary() }
    }
    let radix: Int
    switch base {
    case .number(let value, places: nil): radix = value.word ?? 0
    case .text(let word), .symbol(let word): radix = Self.radixWords[word.lowercased()] ?? 0
    default: radix = 0
    }
    guard (2...36).contains(radix), digits.count <= 256 else { throw .unreadable }
    var value = Integer(0)
    for byte in digits {
      guard Text.isDigit(byte), Int(byte & 0x0F) < radix else { throw .unreadable }
      try budget.spend(value.words)
      value = value * Integer(radix) + Integer(Int(byte & 0x0F))
    }
    return .number(Rational(value), places: nil)
  }

  private static let radixWords = [
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "sixteen": 16,
  ]
}

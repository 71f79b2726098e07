extension Parser {
  /// One value without what is raised, subscribed or multiplied.
  mutating func primary() throws(MathematicsError) -> Expression {
    switch token {
    case .number: return try number()
    case .symbol(let name):
      try advance()
      return try named(name)
    case .word(let letters): return try word(letters)
    case .text(let words):
      try advance()
      return Self.multipliers[words.lowercased()].map { .number($0, places: nil) }
        ?? .text(words)
    case .function(let name):
      try advance()
      return try function(name)
    case .vulgar(let top, let bottom):
      try advance()
      return .number(Rational(Integer(top), over: Integer(bottom)), places: nil)
    case .infinity:
      try advance()
      return .infinity
    case .fraction:
      try advance()
      let (top, bottom) = (try argument(), try argument())
      // d/dx of something: read over, since it is not computed.
      if case .product(let parts) = bottom, parts[0] == top, Self.differentials.contains(top) {
        return .opaque
      }
      return .quotient(top, bottom)
    case .binomial:
      try advance()
      return .function("binomial", [try argument(), try argument()])
    case .squareRoot, .cubeRoot: return try root()
    case .accent(let name):
      try advance()
      return try accented(name)
    case .bigOperator(let name):
      try advance()
      return try bigOperator(name)
    case .begin: return try environment()
    case .boxed:
      try advance()
      return try argument()
    case .openBrace: return try group()
    case .open(let delimiter): return try bracketed(delimiter)
    case .close(.square): return try reversedInterval()
    case .bar, .doubleBar: return try absolute()
    default: throw .unreadable
    }
  }

  private static let differentials: [Expression] = [.symbol("d"), .symbol("partial")]

  /// Words that multiply.
  static let multipliers: [String: Rational] = [
    "hundred": Rational(100), "thousand": Rational(1_000), "million": Rational(1_000_000),
    "billion": Rational(1_000_000_000), "trillion": Rational(1_000_000_000_000),
    "dozen": Rational(12),
  ]

  // MARK: Names

  /// A symbol with its subscript and primes; a function application where it is one.
  private mutating func named(_ name: String) throws(MathematicsError) -> Expression {
    var full = name
    var isDecorated = false
    for _ in 0..<Limits.chain {
      if token == .underscore {
        full += "_" + (try rawArgument())
        isDecorated = true
      } else if case .subscripted(let digit) = token {
        full += isDecorated ? "\(digit)" : "_\(digit)"
        try advance()
        isDecorated = true
      } else if token == .prime {
        full += "'"
        try advance()
        isDecorated = true
      } else if token == .caret, Self.functionNames.contains(name), try inverseMark() {
        full += "^-1"
        isDecorated = true
      } else {
        break
      }
    }
    let isFunction =
      Self.functionNames.contains(name) || full.hasSuffix("'")
      || (!Self.constants.contains(name) && isBeforeNumbers())
    if isFunction, token == .open(.round), !lexer.hadBlank || isDecorated {
      try advance()
      let arguments = try items()
      try expect(.close(.round))
      return .application(full, arguments)
    }
    return .symbol(full)
  }

  /// The `^{-1}` of an inverse function.
  private mutating func inverseMark() throws(MathematicsError) -> Bool {
    let mark = Array("{-1}".utf8)
    guard lexer.bytes[lexer.place...].starts(with: mark) else { return false }
    lexer.move(to: lexer.place + mark.count)
    try advance()
    return true
  }

  private static let constants: Set<String> = ["pi", "e", "i"]

  /// P(3), ζ(-1): numbers alone in the bracket at hand are arguments, since a product is not written
  /// so.
  private func isBeforeNumbers() -> Bool {
    guard token == .open(.round) else { return false }
    var place = lexer.place
    while let byte = lexer.byte(place), byte != UInt8(ascii: ")"), place - lexer.place < 32 {
      if Text.isLetter(byte) || byte == UInt8(ascii: "\\") || byte >= 0x80 { return false }
      place += 1
    }
    return lexer.has(")", at: place)
  }

  /// Letters that before a bracket are functions: f(x). Others multiply: x(x+1).
  private static let functionNames: Set<String> = ["f", "g", "h", "F", "G", "H"]

  /// The text of a subscript, without blanks and braces: names are compared by it.
  private mutating func rawArgument() throws(MathematicsError) -> String {
    var place = lexer.place
    while lexer.has(" ", at: place) { place += 1 }
    var (stop, depth) = (place, 0)
    if lexer.has("{", at: place) {
      repeat {
        guard let byte = lexer.byte(stop) else { throw .unreadable }
        if byte == UInt8(ascii: "{") { depth += 1 }
        if byte == UInt8(ascii: "}") { depth -= 1 }
        stop += 1
      } while depth > 0
    } else {
      if lexer.has("\\", at: stop) { stop += 1 }
      if stop < lexer.end { stop += 1 }
      if lexer.has("\\", at: place) {
        while Text.isLetter(lexer.byte(stop)) { stop += 1 }
      }
    }
    guard stop > place else { throw .unreadable }
    var raw: [UInt8] = []
    for byte in lexer.bytes[place..<stop] {
      let isSkipped =
        Text.isBlank(byte) || byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}")
      if !isSkipped { raw.append(byte) }
    }
    try budget.spend(raw.count)
    lexer.move(to: stop)
    try advance()
    return String(decoding: raw, as: UTF8.self)
  }

  /// Plain letters: a product of one-letter names, or one name of four and more.
  private mutating func word(_ letters: String) throws(MathematicsError) -> Expression {
    if let factor = Self.multipliers[letters.lowercased()] {
      try advance()
      return .number(factor, places: nil)
    }
    // Capitals name points: NO is a side, No a word.
    let isName = letters.utf8.allSatisfy { 0x41...0x5A ~= $0 }
    guard isName || !Words.sentence.contains(letters.lowercased()) else { throw .unreadable }
    if letters.utf8.count >= 4 {
      try advance()
      return try named(letters)
    }
    // The others are read next, so that the last takes what follows: ab_1, ab^2.
    lexer.move(to: lexer.start + 1)
    try advance()
    return .symbol(String(letters.prefix(1)))
  }

  private mutating func accented(_ name: String) throws(MathematicsError) -> Expression {
    if name == "angle" || name == "triangle" {
      switch token {
      case .word(let letters), .symbol(let letters), .text(let letters):
        try advance()
        return .symbol("\(name) \(letters)")
      case .number: return .symbol(name)
      default: throw .unreadable
      }
    }
    let start = lexer.start
    _ = try argument()
    let raw = lexer.bytes[start..<max(start, lexer.start)].filter {
      !Text.isBlank($0) && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "}")
    }
    return .symbol("\(name) \(String(decoding: raw, as: UTF8.self))")
  }

  // MARK: Functions

  private mutating func function(_ name: String) throws(MathematicsError) -> Expression {
    var base: Expression?
    var exponent: Expression?
    for _ in 0..<2 {
      if token == .underscore {
        try advance()
        base = try argument()
      } else if token == .caret {
        try advance()
        if token == .minus {
          try advance()
          exponent = .negative(try argument())
        } else {
          exponent = try argument()
        }
      } else if case .superscript(let digit) = token {
        try advance()
        exponent = .number(Rational(digit), places: nil)
      }
    }
    let arguments: [Expression]
    if ["max", "min", "gcd", "lcm", "sup", "inf"].contains(name) {
      arguments = try severalArguments()
    } else {
      arguments = [try functionArgument()]
    }
    var value = Expression.function(name, arguments)
    if let base {
      guard name == "log" else { throw .unreadable }
      value = .quotient(.function("ln", arguments), .function("ln", [base]))
    }
    if case .negative(.number(let one, places: nil))? = exponent, one.isOne {
      guard name.utf8.count == 3 else { throw .unreadable }
      return .function("arc" + name, arguments)
    }
    return exponent.map { .power(value, $0) } ?? value
  }

  /// In brackets, or the product that follows: sin 2x, ln x.
  private mutating func functionArgument() throws(MathematicsError) -> Expression {
    if token == .open(.round) || token == .openBrace || token == .open(.square) {
      return try nested { (parser) throws(MathematicsError) in try parser.primary() }
    }
    var isNegative = false
    if token == .minus {
      try advance()
      isNegative = true
    }
    var parts = [try nested { (parser) throws(MathematicsError) in try parser.postfix() }]
    loop: while parts.count < Limits.chain {
      switch token {
      case .number: throw .unreadable
      case .symbol, .word, .fraction, .squareRoot:
        parts.append(try nested { (parser) throws(MathematicsError) in try parser.postfix() })
      default: break loop
      }
    }
    let product = parts.count == 1 ? parts[0] : Expression.product(parts)
    return isNegative ? .negative(product) : product
  }

  private mutating func severalArguments() throws(MathematicsError) -> [Expression] {
    if token == .open(.round) {
      try advance()
      let arguments = try items()
      try expect(.close(.round))
      return arguments
    }
    if token == .open(.curly) {
      try advance()
      let arguments = try items()
      try expect(.close(.curly))
      return arguments
    }
    return [try functionArgument()]
  }

  private mutating func root() throws(MathematicsError) -> Expression {
    var index: Expression?
    if token == .cubeRoot { index = .number(Rational(3), places: nil) }
    try advance()
    if token == .open(.square) {
      try advance()
      index = try nested { (parser) throws(MathematicsError) in try parser.sum() }
      try expect(.close(.square))
    }
    if token == .number {
      return .root(index: index, try number())
    }
    return .root(index: index, try argument())
  }

  // MARK: Sums, products, limits, integrals

  private mutating func bigOperator(_ name: String) throws(MathematicsError) -> Expression {
    var lower: Expression?
    var upper: Expression?
    for _ in 0..<2 {
      if token == .underscore {
        try advance()
        if name == "lim" {
          // x → 0 is no relation that is read.
          try skipGroup()
        } else {
          lower = try argument()
        }
      } else if token == .caret {
        try advance()
        upper = try argument()
      }
    }
    let body = try nested { (parser) throws(MathematicsError) in try parser.product() }
    guard name == "sum" || name == "prod", let upper, upper != .infinity,
      case .relation(.symbol(let variable), let bounds)? = lower, bounds.count == 1,
      bounds[0].relation == .equal
    else { return .opaque }
    return .repeated(name, variable: variable, from: bounds[0].right, to: upper, body)
  }

  /// Passes a group in braces whatever it holds.
  private mutating func skipGroup() throws(MathematicsError) {
    guard token == .openBrace else { throw .unreadable }
    var (place, open) = (lexer.place, 1)
    while open > 0 {
      guard let byte = lexer.byte(place) else { throw .unreadable }
      if byte == UInt8(ascii: "{") { open += 1 }
      if byte == UInt8(ascii: "}") { open -= 1 }
      place += 1
    }
    lexer.move(to: place)
    try advance()
  }
}

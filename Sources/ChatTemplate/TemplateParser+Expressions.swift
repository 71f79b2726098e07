/// Expressions, from what binds least to what binds most.
extension TemplateParser {
  /// One expression, or several with commas between them, which are a tuple.
  mutating func tuple(
    withConditional: Bool = true, end: String? = nil, inBrackets: Bool = false
  ) throws(ChatTemplateError) -> Expression {
    let line = line
    var parts: [Expression] = []
    var isTuple = false
    while true {
      if endsTuple(end) { break }
      parts.append(withConditional ? try expression() : try disjunction())
      guard take(symbol: ",") else { break }
      isTuple = true
    }
    if !isTuple {
      if let only = parts.first { return only }
      guard inBrackets else {
        throw malformed("\(current.described) stands where an expression should")
      }
    }
    return try node(.tuple(parts), line: line, over: parts)
  }

  private func endsTuple(_ end: String?) -> Bool {
    switch current {
    case .outputEnd, .tagEnd, .symbol(")"): true
    case .name(let name): name == end
    default: false
    }
  }

  /// `a if b else c`
  mutating func expression() throws(ChatTemplateError) -> Expression {
    try nested { (parser) throws(ChatTemplateError) in
      var value = try parser.disjunction()
      while parser.isName("if") {
        let line = parser.line
        parser.advance()
        let test = try parser.disjunction()
        let otherwise = parser.take(name: "else") ? try parser.expression() : nil
        value = try parser.node(
          .conditional(test, then: value, otherwise: otherwise), line: line,
          over: [test, value] + [otherwise].compactMap { $0 })
      }
      return value
    }
  }

  private mutating func disjunction() throws(ChatTemplateError) -> Expression {
    var left = try conjunction()
    while isName("or") {
      let line = line
      advance()
      let right = try conjunction()
      left = try node(.or(left, right), line: line, over: [left, right])
    }
    return left
  }

  private mutating func conjunction() throws(ChatTemplateError) -> Expression {
    var left = try negation()
    while isName("and") {
      let line = line
      advance()
      let right = try negation()
      left = try node(.and(left, right), line: line, over: [left, right])
    }
    return left
  }

  private mutating func negation() throws(ChatTemplateError) -> Expression {
    guard isName("not") else { return try comparison() }
    let line = line
    advance()
    let value = try nested { (parser) throws(ChatTemplateError) in try parser.negation() }
    return try node(.not(value), line: line, over: [value])
  }

  private mutating func comparison() throws(ChatTemplateError) -> Expression {
    let line = line
    let first = try sum()
    var rest: [(Expression.Comparison, Expression)] = []
    while let operation = takeComparison() { rest.append((operation, try sum())) }
    guard !rest.isEmpty else { return first }
    return try node(.comparison(first, rest), line: line, over: [first] + rest.map(\.1))
  }

  private mutating func takeComparison() -> Expression.Comparison? {
    let symbols: [(String, Expression.Comparison)] = [
      ("==", .equal), ("!=", .notEqual), ("<=", .lessOrEqual), (">=", .greaterOrEqual),
      ("<", .less), (">", .greater),
    ]
    for (symbol, operation) in symbols where take(symbol: symbol) { return operation }
    if take(name: "in") { return .within }
    guard isName("not"), isNextName("in") else { return nil }
    advance()
    advance()
    return .notWithin
  }

  private mutating func sum() throws(ChatTemplateError) -> Expression {
    try arithmetic(["+", "-"]) { (parser) throws(ChatTemplateError) in
      try parser.concatenation()
    }
  }

  private mutating func concatenation() throws(ChatTemplateError) -> Expression {
    let line = line
    var parts = [try product()]
    while take(symbol: "~") { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : try node(.concatenation(parts), line: line, over: parts)
  }

  private mutating func product() throws(ChatTemplateError) -> Expression {
    try arithmetic(["*", "/", "//", "%"]) { (parser) throws(ChatTemplateError) in
      try parser.arithmetic(["**"]) { (parser) throws(ChatTemplateError) in try parser.unary() }
    }
  }

  /// Operators of one rank, from left to right.
  private mutating func arithmetic(
    _ symbols: [String], _ operand: (inout Self) throws(ChatTemplateError) -> Expression
  ) throws(ChatTemplateError) -> Expression {
    var left = try operand(&self)
    while case .symbol(let symbol) = current, symbols.contains(symbol),
      let operation = Expression.Operator(rawValue: symbol)
    {
      let line = line
      advance()
      let right = try operand(&self)
      left = try node(.arithmetic(left, operation, right), line: line, over: [left, right])
    }
    return left
  }

  private mutating func unary(withFilters: Bool = true) throws(ChatTemplateError) -> Expression {
    let line = line
    var value: Expression
    if isSymbol("-") || isSymbol("+") {
      let isNegative = isSymbol("-")
      advance()
      let operand = try nested { (parser) throws(ChatTemplateError) in
        try parser.unary(withFilters: false)
      }
      value = try node(
        isNegative ? .negative(operand) : .positive(operand), line: line, over: [operand])
    } else {
      value = try primary()
    }
    value = try postfix(value)
    return withFilters ? try filtersAndTests(value) : value
  }

  private mutating func primary() throws(ChatTemplateError) -> Expression {
    let line = line
    switch current {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return try node(.boolean(true), line: line)
      case "false", "False": return try node(.boolean(false), line: line)
      case "none", "None": return try node(.none, line: line)
      default:
        noteName(name)
        return try node(.name(name), line: line)
      }
    case .text(let text):
      advance()
      var whole = text.utf8
      while case .text(let more) = current {
        whole += more.utf8
        advance()
      }
      return try node(.text(TemplateText(utf8: whole)), line: line)
    case .integer(let value):
      advance()
      return try node(.integer(value), line: line)
    case .number(let value):
      advance()
      return try node(.number(value), line: line)
    case .symbol("("):
      advance()
      let value = try tuple(inBrackets: true)
      try expect(.symbol(")"))
      return value
    case .symbol("["): return try list()
    case .symbol("{"): return try dictionary()
    default: throw malformed("\(current.described) stands where an expression should")
    }
  }

  private mutating func list() throws(ChatTemplateError) -> Expression {
    let line = line
    advance()
    var parts: [Expression] = []
    while !isSymbol("]") {
      if !parts.isEmpty { try expect(.symbol(",")) }
      if isSymbol("]") { break }
      parts.append(try expression())
    }
    try expect(.symbol("]"))
    return try node(.list(parts), line: line, over: parts)
  }

  private mutating func dictionary() throws(ChatTemplateError) -> Expression {
    let line = line
    advance()
    var pairs: [(key: Expression, value: Expression)] = []
    while !isSymbol("}") {
      if !pairs.isEmpty { try expect(.symbol(",")) }
      if isSymbol("}") { break }
      let key = try expression()
      try expect(.symbol(":"))
      pairs.append((key, try expression()))
    }
    try expect(.symbol("}"))
    return try node(.dictionary(pairs), line: line, over: pairs.flatMap { [$0.key, $0.value] })
  }

  /// `.name`, `.0`, `[…]` and `(…)` behind a value.
  private mutating func postfix(_ value: Expression) throws(ChatTemplateError) -> Expression {
    var value = value
    while true {
      let line = line
      if take(symbol: ".") {
        switch current {
        case .name(let name):
          advance()
          value = try node(.attribute(value, name), line: line, over: [value])
        case .integer(let index):
          advance()
          let place = try node(.integer(index), line: line)
          value = try node(.item(value, place), line: line, over: [value])
        default: throw malformed("\(current.described) stands behind a dot")
        }
      } else if take(symbol: "[") {
        value = try subscripted(value, line: line)
        try expect(.symbol("]"))
      } else if isSymbol("(") {
        value = try call(value)
      } else {
        return value
      }
    }
  }

  private mutating func subscripted(
    _ value: Expression, line: Int
  ) throws(ChatTemplateError) -> Expression {
    if isSymbol("]") { throw malformed("nothing stands between the brackets") }
    var bounds: [Expression?] = [isSymbol(":") ? nil : try expression()]
    while bounds.count < 3, take(symbol: ":") {
      bounds.append(isSymbol(":") || isSymbol("]") ? nil : try expression())
    }
    if isSymbol(",") { throw unsupported("a subscript of several parts") }
    if bounds.count == 1, let index = bounds[0] {
      return try node(.item(value, index), line: line, over: [value, index])
    }
    let by = bounds.count > 2 ? bounds[2] : nil
    return try node(
      .slice(value, from: bounds[0], to: bounds[1], by: by), line: line,
      over: [value] + bounds.compactMap { $0 })
  }

  private mutating func call(_ value: Expression) throws(ChatTemplateError) -> Expression {
    let line = line
    let arguments = try arguments()
    return try node(.call(value, arguments), line: line, over: [value] + arguments.all)
  }

  private mutating func arguments() throws(ChatTemplateError) -> Arguments {
    var arguments = Arguments()
    try expect(.symbol("("))
    var isFirst = true
    while !isSymbol(")") {
      if !isFirst {
        try expect(.symbol(","))
        if isSymbol(")") { break }
      }
      isFirst = false
      guard arguments.unpackedNames == nil else { throw malformed("something stands behind `**`") }
      if take(symbol: "*") {
        guard arguments.unpacked == nil else { throw malformed("`*` stands twice in a call") }
        arguments.unpacked = try expression()
      } else if take(symbol: "**") {
        arguments.unpackedNames = try expression()
      } else if case .name(let name) = current, isNextSymbol("=") {
        advance()
        advance()
        guard !arguments.named.contains(where: { $0.name == name }) else {
          throw malformed("the argument `\(name)` stands twice")
        }
        arguments.named.append((name, try expression()))
      } else {
        guard arguments.unpacked == nil, arguments.named.isEmpty else {
          throw malformed("an argument without a name stands behind one with a name")
        }
        arguments.positional.append(try expression())
      }
    }
    try expect(.symbol(")"))
    return arguments
  }

  /// `| filter`, `is test`, and calls of what they give.
  private mutating func filtersAndTests(
    _ value: Expression
  ) throws(ChatTemplateError) -> Expression {
    var value = value
    while true {
      if isSymbol("|") {
        value = try filters(of: value)
      } else if isName("is") {
        value = try test(of: value)
      } else if isSymbol("(") {
        value = try call(value)
      } else {
        return value
      }
    }
  }

  /// `value` through the filters that follow; none is fine.
  mutating func filters(of value: Expression) throws(ChatTemplateError) -> Expression {
    var value = value
    while take(symbol: "|") { value = try filter(of: value) }
    return value
  }

  /// `value` through the filter whose name stands here.
  mutating func filter(of value: Expression) throws(ChatTemplateError) -> Expression {
    let line = line
    let name = try dottedName()
    guard Rendering.filters.contains(name) else { throw unsupported("the filter `\(name)`") }
    let arguments = isSymbol("(") ? try arguments() : Arguments()
    return try node(.filter(value, name, arguments), line: line, over: [value] + arguments.all)
  }

  private mutating func dottedName() throws(ChatTemplateError) -> String {
    var name = try expectName()
    while take(symbol: ".") { name += "." + (try expectName()) }
    return name
  }

  private mutating func test(of value: Expression) throws(ChatTemplateError) -> Expression {
    let line = line
    advance()
    let isNegated = take(name: "not")
    let name = try dottedName()
    guard Rendering.tests.contains(name) else { throw unsupported("the test `\(name)`") }
    var arguments = Arguments()
    switch current {
    case .symbol("("): arguments = try self.arguments()
    case .name("else"), .name("or"), .name("and"): break
    case .name("is"): throw malformed("one `is` stands behind another")
    case .name, .text, .integer, .number, .symbol("["), .symbol("{"):
      arguments.positional = [try postfix(try primary())]
    default: break
    }
    let test = try node(
      .test(value, name, arguments), line: line, over: [value] + arguments.all)
    return isNegated ? try node(.not(test), line: line, over: [test]) : test
  }
}

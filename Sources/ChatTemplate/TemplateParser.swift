/// Makes statements of a template's tokens, by the grammar of Jinja 3.1 (`jinja2/parser.py`).
struct TemplateParser {
  private let tokens: [TemplateToken]
  let location: String
  private var position = 0
  /// Brackets, operators and blocks that are open.
  private var nesting = 0
  private var loops = 0
  /// Names that stand in the macros being parsed, innermost last.
  private var macroNames: [Set<String>] = []
  private static let deepestNesting = 100
  /// Levels of an expression's tree: what is walked and freed by recursion.
  private static let deepestExpression = 200

  static func parse(
    _ source: String, location: String
  ) throws(ChatTemplateError) -> [Statement] {
    var parser = TemplateParser(
      tokens: try TemplateLexer.tokens(of: source, location: location), location: location)
    return try parser.body(upTo: [])
  }

  private init(tokens: [TemplateToken], location: String) {
    self.tokens = tokens
    self.location = location
  }

  // MARK: Tokens

  var current: TemplateToken.Kind { tokens[position].kind }
  var line: Int { tokens[position].line }
  private var following: TemplateToken.Kind { tokens[min(position + 1, tokens.count - 1)].kind }

  mutating func advance() { if position < tokens.count - 1 { position += 1 } }

  func malformed(_ problem: String) -> ChatTemplateError {
    ChatTemplateError(.malformed, at: location, line: line, problem)
  }

  func unsupported(_ what: String) -> ChatTemplateError {
    ChatTemplateError(.unsupported, at: location, line: line, "\(what) is not done here")
  }

  func isSymbol(_ symbol: String) -> Bool { current == .symbol(symbol) }

  func isName(_ name: String) -> Bool { current == .name(name) }

  func isNextSymbol(_ symbol: String) -> Bool { following == .symbol(symbol) }

  func isNextName(_ name: String) -> Bool { following == .name(name) }

  mutating func take(symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func take(name: String) -> Bool {
    guard isName(name) else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: TemplateToken.Kind) throws(ChatTemplateError) {
    guard current == kind else {
      throw malformed("\(current.described) stands where \(kind.described) should")
    }
    advance()
  }

  mutating func expectName() throws(ChatTemplateError) -> String {
    guard case .name(let name) = current else {
      throw malformed("\(current.described) stands where a name should")
    }
    advance()
    return name
  }

  /// Parses something that stands inside something of its kind.
  mutating func nested<Result>(
    _ parse: (inout Self) throws(ChatTemplateError) -> Result
  ) throws(ChatTemplateError) -> Result {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= Self.deepestNesting else {
      throw ChatTemplateError(
        .limit, at: location, line: line,
        "the template is nested more than \(Self.deepestNesting) levels deep")
    }
    return try parse(&self)
  }

  func node(
    _ kind: Expression.Kind, line: Int, over children: [Expression] = []
  ) throws(ChatTemplateError) -> Expression {
    let depth = 1 + children.reduce(0) { max($0, $1.depth) }
    guard depth <= Self.deepestExpression else {
      throw ChatTemplateError(
        .limit, at: location, line: line,
        "an expression has more than \(Self.deepestExpression) levels")
    }
    return Expression(kind, line: line, depth: depth)
  }

  mutating func noteName(_ name: String) {
    guard !macroNames.isEmpty else { return }
    macroNames[macroNames.count - 1].insert(name)
  }

  // MARK: Statements

  /// Statements up to a tag that begins with one of `ends`, which is left; or to the end.
  private mutating func body(upTo ends: [String]) throws(ChatTemplateError) -> [Statement] {
    var statements: [Statement] = []
    while true {
      switch current {
      case .data(let text):
        statements.append(.text(text))
        advance()
      case .outputBegin:
        advance()
        statements.append(.output(try tuple()))
        try expect(.outputEnd)
      case .tagBegin:
        if case .name(let name) = following, ends.contains(name) {
          advance()
          return statements
        }
        advance()
        statements += try nested { (parser) throws(ChatTemplateError) in try parser.statement() }
        try expect(.tagEnd)
      case .end where ends.isEmpty: return statements
      default:
        throw malformed("the template ends before `\(ends.last ?? "")`")
      }
    }
  }

  /// The body of a block whose tag ends here, up to and with the tag that ends it.
  private mutating func block(_ ends: String...) throws(ChatTemplateError) -> [Statement] {
    _ = take(symbol: ":")
    try expect(.tagEnd)
    return try body(upTo: ends)
  }

  /// The body of a block up to its one end tag, whose name is passed over.
  private mutating func block(until end: String) throws(ChatTemplateError) -> [Statement] {
    let statements = try block(end)
    advance()
    return statements
  }

  /// The same for a block whose print is kept, so that no loop around it can be left from within.
  private mutating func printedBlock(
    until end: String
  ) throws(ChatTemplateError) -> [Statement] {
    let outerLoops = loops
    loops = 0
    defer { loops = outerLoops }
    return try block(until: end)
  }

  private mutating func statement() throws(ChatTemplateError) -> [Statement] {
    guard case .name(let name) = current else {
      throw malformed("\(current.described) stands where the name of a tag should")
    }
    let line = line
    switch name {
    case "if": return [try branch()]
    case "for": return [try loop()]
    case "set": return [try assignment()]
    case "macro": return [try macro()]
    case "call": return [try callBlock()]
    case "filter": return [try filterBlock()]
    case "with": return [try with()]
    case "print":
      advance()
      var outputs: [Statement] = []
      while current != .tagEnd {
        if !outputs.isEmpty { try expect(.symbol(",")) }
        outputs.append(.output(try expression()))
      }
      return outputs
    // Marks what an assistant wrote, for masks of the loss; it prints as it stands.
    case "generation":
      advance()
      return [.scope(try printedBlock(until: "endgeneration"))]
    case "break", "continue":
      guard loops > 0 else { throw unsupported("`\(name)` without a loop in its own block") }
      advance()
      return [name == "break" ? .leave(line: line) : .proceed(line: line)]
    case "block", "extends", "include", "import", "from", "autoescape", "do", "trans", "debug":
      throw unsupported("the tag `\(name)`")
    default: throw malformed("there is no tag `\(name)`")
    }
  }

  private mutating func branch() throws(ChatTemplateError) -> Statement {
    var branches: [(test: Expression, body: [Statement])] = []
    var otherwise: [Statement] = []
    while true {
      advance()
      let test = try tuple(withConditional: false)
      branches.append((test, try block("elif", "else", "endif")))
      if isName("elif") { continue }
      if take(name: "else") { otherwise = try block("endif") }
      advance()
      return .branch(branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(ChatTemplateError) -> Statement {
    let line = line
    advance()
    let target = try assignmentTarget(allowsAttributes: false)
    guard take(name: "in") else { throw malformed("`for` has no `in`") }
    let items = try tuple(withConditional: false, end: "recursive")
    let test = take(name: "if") ? try expression() : nil
    if isName("recursive") { throw unsupported("a `recursive` loop") }
    loops += 1
    let body = try block("endfor", "else")
    loops -= 1
    var otherwise: [Statement] = []
    if take(name: "else") { otherwise = try block("endfor") }
    advance()
    return .loop(
      LoopDefinition(
        target: target, items: items, test: test, body: body, otherwise: otherwise, line: line))
  }

  private mutating func assignment() throws(ChatTemplateError) -> Statement {
    let line = line
    advance()
    let target = try assignmentTarget(allowsAttributes: true)
    if take(symbol: "=") { return .assignment(target, try tuple()) }
    let filter = try filters(of: node(.captured, line: line))
    return .blockAssignment(
      target, filter: filter, body: try printedBlock(until: "endset"), line: line)
  }

  private mutating func with() throws(ChatTemplateError) -> Statement {
    advance()
    var bindings: [(target: AssignmentTarget, value: Expression)] = []
    while current != .tagEnd {
      if !bindings.isEmpty { try expect(.symbol(",")) }
      let target = try assignmentTarget(allowsAttributes: false)
      try expect(.symbol("="))
      bindings.append((target, try expression()))
    }
    return .with(bindings, body: try block(until: "endwith"))
  }

  private mutating func filterBlock() throws(ChatTemplateError) -> Statement {
    let line = line
    advance()
    let filter = try filters(of: filter(of: node(.captured, line: line)))
    return .filterBlock(filter, body: try printedBlock(until: "endfilter"))
  }

  private mutating func macro() throws(ChatTemplateError) -> Statement {
    let line = line
    advance()
    let name = try expectName()
    return .macro(try macro(named: name, line: line, end: "endmacro"))
  }

  private mutating func callBlock() throws(ChatTemplateError) -> Statement {
    let line = line
    advance()
    let (parameters, defaults) = isSymbol("(") ? try signature() : ([], [])
    let call = try expression()
    guard case .call = call.kind else { throw malformed("`call` is not followed by a call") }
    let body = try macroBody(
      MacroDefinition(
        name: nil, parameters: parameters, defaults: defaults, body: [], line: line, takes: []),
      end: "endcall")
    return .callBlock(call, body: body)
  }

  private mutating func macro(
    named name: String, line: Int, end: String
  ) throws(ChatTemplateError) -> MacroDefinition {
    guard isSymbol("(") else {
      throw malformed("the macro `\(name)` has no parameters in brackets")
    }
    let (parameters, defaults) = try signature()
    return try macroBody(
      MacroDefinition(
        name: name, parameters: parameters, defaults: defaults, body: [], line: line, takes: []),
      end: end)
  }

  private mutating func macroBody(
    _ definition: MacroDefinition, end: String
  ) throws(ChatTemplateError) -> MacroDefinition {
    var definition = definition
    macroNames.append([])
    definition.body = try printedBlock(until: end)
    let names = macroNames.removeLast()
    for name in names { noteName(name) }
    definition.takes = names.intersection(["caller", "varargs", "kwargs"])
      .subtracting(definition.parameters)
    return definition
  }

  private mutating func signature() throws(ChatTemplateError) -> ([String], [Expression]) {
    var names: [String] = []
    var defaults: [Expression] = []
    try expect(.symbol("("))
    while !isSymbol(")") {
      if !names.isEmpty { try expect(.symbol(",")) }
      let name = try expectName()
      guard !names.contains(name) else { throw malformed("the parameter `\(name)` stands twice") }
      names.append(name)
      if take(symbol: "=") {
        defaults.append(try expression())
      } else if !defaults.isEmpty {
        throw malformed("the parameter `\(name)` has no default and stands behind one that has")
      }
    }
    try expect(.symbol(")"))
    return (names, defaults)
  }

  /// `a`, `ns.a`, or names in a row.
  private mutating func assignmentTarget(
    allowsAttributes: Bool
  ) throws(ChatTemplateError) -> AssignmentTarget {
    var targets: [AssignmentTarget] = []
    var isTuple = false
    while true {
      if isName("in") || isSymbol(")") || isSymbol("=") || current == .tagEnd { break }
      targets.append(
        try nested { (parser) throws(ChatTemplateError) in
          try parser.singleTarget(allowsAttributes: allowsAttributes)
        })
      guard take(symbol: ",") else { break }
      isTuple = true
    }
    guard let first = targets.first else { throw malformed("nothing to assign to") }
    return isTuple ? .tuple(targets) : first
  }

  private mutating func singleTarget(
    allowsAttributes: Bool
  ) throws(ChatTemplateError) -> AssignmentTarget {
    if take(symbol: "(") {
      let target = try assignmentTarget(allowsAttributes: allowsAttributes)
      try expect(.symbol(")"))
      return target
    }
    let name = try expectName()
    if ["true", "false", "none", "True", "False", "None"].contains(name) {
      throw malformed("`\(name)` cannot be assigned to")
    }
    guard allowsAttributes, take(symbol: ".") else { return .name(name) }
    noteName(name)
    return .attribute(of: name, try expectName())
  }
}

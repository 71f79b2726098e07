extension Parser {
  /// What stands between brackets, by commas.
  mutating func items() throws(MathematicsError) -> [Expression] {
    brackets += 1
    let (outerBars, outerBuilders) = (bars, builders)
    (bars, builders) = (0, 0)
    let inside = try nested { (parser) throws(MathematicsError) in try parser.list() }
    (bars, builders) = (outerBars, outerBuilders)
    brackets -= 1
    if case .list(let items) = inside { return items }
    return [inside]
  }

  mutating func bracketed(_ delimiter: Delimiter) throws(MathematicsError) -> Expression {
    switch delimiter {
    case .curly: return try set()
    case .floor, .ceiling:
      try advance()
      let inside = try nested { (parser) throws(MathematicsError) in try parser.sum() }
      try expect(.close(delimiter))
      return .function(delimiter == .floor ? "floor" : "ceil", [inside])
    case .angle:
      try advance()
      let inside = try items()
      try expect(.close(.angle))
      return .group(opensClosed: false, inside, closesClosed: false)
    case .round, .square: break
    }
    try advance()
    var inside = try items()
    if token == .mid {
      // P(A \mid B)
      try advance()
      inside = [.application("|", inside + (try items()))]
    }
    guard case .close(let closing) = token, closing == .round || closing == .square else {
      throw .unreadable
    }
    try advance()
    if inside.count == 1, closing == delimiter { return inside[0] }
    return .group(
      opensClosed: delimiter == .square, inside, closesClosed: closing == .square)
  }

  /// `]a, b[`
  mutating func reversedInterval() throws(MathematicsError) -> Expression {
    try advance()
    isReversed = true
    let inside = try items()
    isReversed = false
    let closes: Bool
    switch token {
    case .open(.square): closes = false
    case .close(.square): closes = true
    default: throw .unreadable
    }
    guard inside.count == 2 else { throw .unreadable }
    try advance()
    return .group(opensClosed: false, inside, closesClosed: closes)
  }

  /// `\{1, 2\}` or `\{x \mid x > 3\}`.
  private mutating func set() throws(MathematicsError) -> Expression {
    try advance()
    if try accept(.close(.curly)) { return .symbol("emptyset") }
    brackets += 1
    let (outerBars, outerBuilders) = (bars, builders)
    (bars, builders) = (0, 1)
    let first = try nested { (parser) throws(MathematicsError) in try parser.list() }
    let isBuilder = token == .bar || token == .mid || token == .colon
    var condition = Expression.opaque
    if isBuilder {
      try advance()
      (bars, builders) = (0, 0)
      condition = try nested { (parser) throws(MathematicsError) in try parser.list() }
    }
    (bars, builders) = (outerBars, outerBuilders)
    brackets -= 1
    try expect(.close(.curly))
    if isBuilder { return .builder(first, condition) }
    if case .list(let items) = first { return .set(items) }
    return .set([first])
  }

  /// `|x|` and `\|x\|`.
  mutating func absolute() throws(MathematicsError) -> Expression {
    let closing = token
    try advance()
    bars += 1
    let inside = try nested { (parser) throws(MathematicsError) in try parser.sum() }
    bars -= 1
    try expect(closing)
    return .function("abs", [inside])
  }

  // MARK: Environments

  mutating func environment() throws(MathematicsError) -> Expression {
    let name = try environmentName()
    lexer.environments += 1
    if name == "array" { try skipColumns() }
    try advance()
    let outer = hasCells
    hasCells = name.contains("matrix") || name == "array" || name == "cases"
    let rows = try nested { (parser) throws(MathematicsError) in try parser.rows() }
    hasCells = outer
    guard token == .endEnvironment, try environmentName() == name else { throw .unreadable }
    lexer.environments -= 1
    try advance()
    switch name {
    case "pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix", "array":
      guard let width = rows.first?.count, rows.allSatisfy({ $0.count == width }),
        rows.count * width <= Limits.cells
      else { throw .unreadable }
      return .matrix(rows)
    case "vmatrix":
      guard !rows.isEmpty, rows.count * rows.count <= Limits.cells,
        rows.allSatisfy({ $0.count == rows.count })
      else { throw .unreadable }
      return .function("det", [.matrix(rows)])
    case "align", "align*", "aligned", "gathered", "gather", "gather*", "equation", "equation*",
      "split", "cases":
      return try lines(rows)
    default: throw .unreadable
    }
  }

  /// Rows of an alignment: statements, one below the other.
  private func lines(_ rows: [[Expression]]) throws(MathematicsError) -> Expression {
    let items = rows.flatMap { $0 }
    guard !items.isEmpty else { throw .unreadable }
    return items.count == 1 ? items[0] : .list(items)
  }

  /// The name behind `\begin` or `\end`, which is the token at hand.
  private mutating func environmentName() throws(MathematicsError) -> String {
    guard lexer.has("{", at: lexer.place) else { throw .unreadable }
    let start = lexer.place + 1
    var stop = start
    while let byte = lexer.byte(stop), byte != UInt8(ascii: "}"), stop - start < 16 { stop += 1 }
    guard lexer.has("}", at: stop) else { throw .unreadable }
    lexer.move(to: stop + 1)
    return String(decoding: lexer.bytes[start..<stop], as: UTF8.self)
  }

  /// `{cc|c}`
  private mutating func skipColumns() throws(MathematicsError) {
    guard lexer.has("{", at: lexer.place) else { return }
    _ = try environmentName()
  }

  private mutating func rows() throws(MathematicsError) -> [[Expression]] {
    var rows: [[Expression]] = [[]]
    var isCellEmpty = true
    while token != .endEnvironment {
      switch token {
      case .ampersand:
        try advance()
        isCellEmpty = true
      case .row:
        try advance()
        if !(rows.last?.isEmpty ?? true) { rows.append([]) }
        isCellEmpty = true
      case .separator where !isCellEmpty: try advance()
      default:
        guard isCellEmpty || token == .endEnvironment else { throw .unreadable }
        let cell = try relationInCell()
        rows[rows.count - 1].append(cell)
        isCellEmpty = false
        guard rows.count * (rows.last?.count ?? 0) <= Limits.cells else { throw .budget }
      }
      if token == .end { throw .unreadable }
    }
    if rows.last?.isEmpty ?? false { rows.removeLast() }
    return rows
  }

  private mutating func relationInCell() throws(MathematicsError) -> Expression {
    let (outerBars, outerBuilders) = (bars, builders)
    (bars, builders) = (0, 0)
    let cell = try relation()
    (bars, builders) = (outerBars, outerBuilders)
    return cell
  }
}

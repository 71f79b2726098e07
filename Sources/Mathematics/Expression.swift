/// Notation as a tree, before anything is computed.
indirect enum Expression: Equatable, Sendable {
  /// `places`: digits behind a decimal point; nil: no decimal, hence exact.
  case number(Rational, places: Int?)
  case symbol(String)
  case infinity
  case sum([Expression])
  /// `a ± b`, or with `isMirrored` `a ∓ b`; `a` is nil for a mere sign.
  case plusMinus(Expression?, Expression, isMirrored: Bool)
  case product([Expression])
  case quotient(Expression, Expression)
  case negative(Expression)
  case power(Expression, Expression)
  case root(index: Expression?, Expression)
  case function(String, [Expression])
  /// A function that is itself unknown: f(2).
  case application(String, [Expression])
  case percent(Expression)
  case degree(Expression)
  case ratio([Expression])
  case matrix([[Expression]])
  /// In brackets, not both curly: a point or an interval.
  case group(opensClosed: Bool, [Expression], closesClosed: Bool)
  case set([Expression])
  /// `{x | …}`
  case builder(Expression, Expression)
  case list([Expression])
  case relation(Expression, [Comparison])
  case setOperation(SetOperator, Expression, Expression)
  case text(String)
  /// A sum or product sign with its bounds.
  case repeated(String, variable: String, from: Expression, to: Expression, Expression)
  /// A limit, an integral, …: read over, not computed.
  case opaque

  struct Comparison: Equatable, Sendable {
    var relation: Relation
    var right: Expression
  }
}

extension Expression {
  /// Whether it only names what is asked for, so that `name = value` says no more than the value:
  /// `x`, `f(x)`, `|AB|`, `(p, q)`, `P(A \mid B)`, `AB/CD`, `\text{Area}`; not `2x + z`.
  var isName: Bool {
    switch self {
    case .symbol(let name): name != "emptyset" && name != "dots"
    case .text: true
    case .application: true
    case .product(let parts), .ratio(let parts): parts.allSatisfy(\.isName)
    case .quotient(let a, let b): a.isName && b.isName
    case .function(_, let arguments): arguments.allSatisfy(\.isName)
    case .group(_, let items, _), .list(let items), .set(let items): items.allSatisfy(\.isName)
    default: false
    }
  }

  /// Whether symbols are free in it (opaque parts bind theirs).
  var hasSymbols: Bool {
    switch self {
    case .symbol(let name): name != "e" && name != "pi" && name != "i"
    case .number, .infinity, .opaque: false
    case .text, .application: true
    case .sum(let parts), .product(let parts), .ratio(let parts), .set(let parts),
      .list(let parts), .function(_, let parts), .group(_, let parts, _):
      parts.contains(where: \.hasSymbols)
    case .plusMinus(let a, let b, _): a?.hasSymbols ?? false || b.hasSymbols
    case .quotient(let a, let b), .power(let a, let b), .setOperation(_, let a, let b),
      .builder(let a, let b):
      a.hasSymbols || b.hasSymbols
    case .negative(let a), .percent(let a), .degree(let a): a.hasSymbols
    case .root(let index, let a): index?.hasSymbols ?? false || a.hasSymbols
    case .matrix(let rows): rows.contains { $0.contains(where: \.hasSymbols) }
    case .relation(let left, let rest): left.hasSymbols || rest.contains { $0.right.hasSymbols }
    case .repeated(_, _, let a, let b, _): a.hasSymbols || b.hasSymbols
    }
  }

  /// Whether it only says what numbers a name stands for, as in `π/4 + kπ, k ∈ ℤ`.
  var isDomain: Bool {
    guard case .relation(let left, let rest) = self, left.isName, rest.count == 1,
      rest[0].relation == .member
    else { return false }
    switch rest[0].right {
    case .text, .power(.text, _): return true
    default: return false
    }
  }

  /// Whether parts of it are read over.
  var isOpaque: Bool {
    switch self {
    case .opaque: true
    case .sum(let parts), .product(let parts): parts.contains(where: \.isOpaque)
    case .quotient(let a, let b), .power(let a, let b): a.isOpaque || b.isOpaque
    case .negative(let a), .root(_, let a): a.isOpaque
    default: false
    }
  }
}

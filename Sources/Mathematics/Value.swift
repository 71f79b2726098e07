/// What an answer says, in exact terms.
indirect enum Value {
  case scalar(Scalar)
  case infinity(isNegative: Bool)
  case matrix([[Quotient]])
  /// A point, a vector or an interval.
  case group(opensClosed: Bool, [Value], closesClosed: Bool)
  /// `{…}`: neither order nor repetition counts.
  case set([Value])
  /// Several answers side by side.
  case list([Value])
  case region(Region)
  case ratio([Quotient])
  case relation(left: Value, [(Relation, Value)])
  /// `name = value`.
  case assigned(name: Expression, Value)
  case text(String)
}

struct Scalar {
  var value: Quotient
  /// Digits behind the decimal point, the most of its literals; nil: it is written exactly.
  var places: Int?
  var isPercent = false
}

extension Expression {
  /// Digits behind the point of its decimals, the most of them; nil: it has none.
  var places: Int? {
    switch self {
    case .number(_, let places): places
    case .sum(let parts), .product(let parts), .function(_, let parts):
      parts.compactMap(\.places).max()
    case .quotient(let a, let b), .power(let a, let b):
      [a, b].compactMap(\.places).max()
    case .negative(let a), .percent(let a), .degree(let a), .root(_, let a): a.places
    case .plusMinus(let a, let b, _): [a?.places, b.places].compactMap { $0 }.max()
    default: nil
    }
  }

  /// Both readings of its ± signs, if it has any outside of lists and sets; all of them go together.
  var branches: (upper: Expression, lower: Expression)? {
    guard hasPlusMinus else { return nil }
    return (branch(isUpper: true), branch(isUpper: false))
  }

  private var hasPlusMinus: Bool {
    switch self {
    case .plusMinus: true
    case .sum(let parts), .product(let parts), .ratio(let parts), .function(_, let parts),
      .group(_, let parts, _):
      parts.contains(where: \.hasPlusMinus)
    case .quotient(let a, let b), .power(let a, let b): a.hasPlusMinus || b.hasPlusMinus
    case .negative(let a), .percent(let a), .degree(let a), .root(_, let a): a.hasPlusMinus
    case .relation(let left, let rest):
      left.hasPlusMinus || rest.contains { $0.right.hasPlusMinus }
    default: false
    }
  }

  private func branch(isUpper: Bool) -> Expression {
    func each(_ parts: [Expression]) -> [Expression] { parts.map { $0.branch(isUpper: isUpper) } }
    switch self {
    case .plusMinus(let a, let b, let isMirrored):
      let right = b.branch(isUpper: isUpper)
      let signed = isUpper != isMirrored ? right : .negative(right)
      return a.map { .sum([$0.branch(isUpper: isUpper), signed]) } ?? signed
    case .sum(let parts): return .sum(each(parts))
    case .product(let parts): return .product(each(parts))
    case .ratio(let parts): return .ratio(each(parts))
    case .function(let name, let parts): return .function(name, each(parts))
    case .group(let opens, let parts, let closes):
      return .group(opensClosed: opens, each(parts), closesClosed: closes)
    case .quotient(let a, let b):
      return .quotient(a.branch(isUpper: isUpper), b.branch(isUpper: isUpper))
    case .power(let a, let b):
      return .power(a.branch(isUpper: isUpper), b.branch(isUpper: isUpper))
    case .negative(let a): return .negative(a.branch(isUpper: isUpper))
    case .percent(let a): return .percent(a.branch(isUpper: isUpper))
    case .degree(let a): return .degree(a.branch(isUpper: isUpper))
    case .root(let index, let a): return .root(index: index, a.branch(isUpper: isUpper))
    case .relation(let left, let rest):
      return .relation(
        left.branch(isUpper: isUpper),
        rest.map { Comparison(relation: $0.relation, right: $0.right.branch(isUpper: isUpper)) })
    default: return self
    }
  }
}

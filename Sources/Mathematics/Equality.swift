/// Habits in which graders differ.
public struct ComparisonOptions: Sendable, Equatable {
  /// Whether `1, 2` and `2, 1` differ. Sets in braces have no order either way, points always one.
  public var listOrderMatters: Bool
  /// Whether `50\%` may stand for `0.5`, beside `50`.
  public var percentIsHundredth: Bool
  /// Decimals count as equal if they agree to so many places behind the point (and to four
  /// significant digits).
  public var roundingPlaces: Int

  public init(
    listOrderMatters: Bool = false, percentIsHundredth: Bool = true, roundingPlaces: Int = 6
  ) {
    precondition(
      (0...30).contains(roundingPlaces), "rounding places: \(roundingPlaces) is not in 0...30")
    self.listOrderMatters = listOrderMatters
    self.percentIsHundredth = percentIsHundredth
    self.roundingPlaces = roundingPlaces
  }
}

/// What kind of equality was found.
public enum EqualityKind: String, Sendable, CaseIterable {
  case text, number, symbolic, tuple, interval, set, list, ratio, matrix, relation
}

/// Equality of values, by kind. The gold side is trusted; what is lenient is so towards its form.
struct Equality {
  let algebra: Algebra
  let options: ComparisonOptions

  /// Nil: they differ.
  func kind(_ gold: Value, _ answer: Value) throws(MathematicsError) -> EqualityKind? {
    try algebra.budget.spend(2)
    switch (gold, answer) {
    case (.assigned(let a, let x), .assigned(let b, let y)):
      if a.names(b) { return try kind(x, y) }
      return try equations(gold, answer) ? .relation : nil
    case (.assigned(_, let value), _):
      if case .relation = answer {
        if try equations(gold, answer) { return .relation }
      }
      return try kind(value, answer)
    case (_, .assigned(_, let value)):
      if case .relation = gold {
        if try equations(gold, answer) { return .relation }
      }
      return try kind(gold, value)
    case (.scalar(let x), .scalar(let y)): return try scalars(x, y)
    case (.infinity(let x), .infinity(let y)): return x == y ? .number : nil
    case (.text(let x), .text(let y)): return Fold.words(x) == Fold.words(y) ? .text : nil
    case (.text(let words), .scalar(let scalar)), (.scalar(let scalar), .text(let words)):
      guard let name = algebra.symbol(scalar.value) else { return nil }
      return Fold.words(name) == Fold.words(words) ? .text : nil
    case (.matrix(let x), .matrix(let y)): return try matrices(x, y) ? .matrix : nil
    case (.ratio(let x), .ratio(let y)): return try sequences(x, y) ? .ratio : nil
    case (.ratio(let x), .scalar(let y)): return try ratio(x, y.value) ? .ratio : nil
    case (.scalar(let x), .ratio(let y)): return try ratio(y, x.value) ? .ratio : nil
    case (.group(let a, let x, let b), .group(let c, let y, let d)):
      guard a == c, b == d, try inOrder(x, y) else { return nil }
      return a || b ? .interval : .tuple
    case (.matrix(let rows), .group(false, let items, false)),
      (.group(false, let items, false), .matrix(let rows)):
      return try vector(rows, items) ? .tuple : nil
    case (.list(let x), .group(false, let y, false)), (.group(false, let x, false), .list(let y)):
      return try inOrder(x, y) ? .tuple : nil
    case (.list(let x), .list(let y)):
      if options.listOrderMatters { return try inOrder(x, y) ? .list : nil }
      if try matched(x, y) { return .list }
      return try regions(gold, answer) ? .interval : nil
    case (.set(let x), .set(let y)), (.list(let x), .set(let y)), (.set(let x), .list(let y)):
      if try matched(try distinct(x, gold), try distinct(y, answer)) { return .set }
      return nil
    case (.set(let items), let other), (let other, .set(let items)):
      if items.count == 1, try kind(items[0], other) != nil { return .set }
      return try regions(gold, answer) ? .interval : nil
    case (.relation, .relation):
      if try equations(gold, answer) { return .relation }
      if try chains(gold, answer) { return .relation }
      return try regions(gold, answer) ? .relation : nil
    case (.region, _), (_, .region), (.relation, .group), (.group, .relation), (.relation, .list),
      (.list, .relation):
      return try regions(gold, answer) ? .interval : nil
    default: return nil
    }
  }

  // MARK: Collections

  private func inOrder(_ x: [Value], _ y: [Value]) throws(MathematicsError) -> Bool {
    guard x.count == y.count else { return false }
    for (a, b) in zip(x, y) {
      guard try kind(a, b) != nil else { return false }
    }
    return true
  }

  /// Each of one side has its own partner on the other.
  private func matched(_ x: [Value], _ y: [Value]) throws(MathematicsError) -> Bool {
    guard x.count == y.count else { return false }
    var rest = Array(y.indices)
    for a in x {
      var partner: Int?
      for (place, index) in rest.enumerated() where partner == nil {
        if try kind(a, y[index]) != nil { partner = place }
      }
      guard let partner else { return false }
      rest.remove(at: partner)
    }
    return true
  }

  /// Without what a set names twice; a list names it twice on purpose.
  private func distinct(
    _ items: [Value], _ container: Value
  ) throws(MathematicsError) -> [Value] {
    guard case .set = container else { return items }
    var result: [Value] = []
    for item in items {
      var isKnown = false
      for other in result where !isKnown { isKnown = try kind(other, item) != nil }
      if !isKnown { result.append(item) }
    }
    return result
  }

  private func sequences(_ x: [Quotient], _ y: [Quotient]) throws(MathematicsError) -> Bool {
    guard x.count == y.count else { return false }
    for (a, b) in zip(x, y) {
      guard try algebra.areEqual(a, b) else { return false }
    }
    return true
  }

  private func matrices(
    _ x: [[Quotient]], _ y: [[Quotient]]
  ) throws(MathematicsError) -> Bool {
    guard x.count == y.count else { return false }
    for (a, b) in zip(x, y) {
      guard try sequences(a, b) else { return false }
    }
    return true
  }

  /// A row or column against a point.
  private func vector(
    _ rows: [[Quotient]], _ items: [Value]
  ) throws(MathematicsError) -> Bool {
    let cells = rows.flatMap { $0 }
    guard rows.count == 1 || rows[0].count == 1, cells.count == items.count, cells.count > 1 else {
      return false
    }
    for (cell, item) in zip(cells, items) {
      guard case .scalar(let scalar) = item, try algebra.areEqual(cell, scalar.value) else {
        return false
      }
    }
    return true
  }

  private func ratio(_ parts: [Quotient], _ value: Quotient) throws(MathematicsError) -> Bool {
    guard parts.count == 2, !parts[1].isZero else { return false }
    return try algebra.areEqual(parts[0], try algebra.multiply(parts[1], value))
  }

  // MARK: Relations

  private func regions(_ gold: Value, _ answer: Value) throws(MathematicsError) -> Bool {
    guard let x = try Region(gold, algebra), let y = try Region(answer, algebra) else {
      return false
    }
    return try x.equals(y, algebra)
  }

  /// Two equations with the same solutions since one is a multiple of the other.
  private func equations(_ gold: Value, _ answer: Value) throws(MathematicsError) -> Bool {
    guard let x = try equation(gold), let y = try equation(answer) else { return false }
    return try multiple(x, y) != nil
  }

  /// The numerator of left - right.
  private func equation(_ value: Value) throws(MathematicsError) -> Polynomial? {
    switch value {
    case .relation(.scalar(let left), let rest):
      guard rest.count == 1, rest[0].0 == .equal || rest[0].0 == .congruent,
        case .scalar(let right) = rest[0].1
      else { return nil }
      return try algebra.subtract(left.value, right.value).numerator
    case .assigned(let name, .scalar(let right)):
      let left: Quotient
      do throws(MathematicsError) {
        left = try Evaluator(algebra: algebra).quotient(name)
      } catch {
        if error == .unreadable { return nil }
        throw error
      }
      return try algebra.subtract(left, right.value).numerator
    default: return nil
    }
  }

  /// The number that the second is to be multiplied by; nil: there is none.
  private func multiple(_ x: Polynomial, _ y: Polynomial) throws(MathematicsError) -> Rational? {
    guard let a = x.terms.first, let b = y.terms.first, x.terms.count == y.terms.count else {
      return nil
    }
    let factor = a.coefficient / b.coefficient
    return x == (try algebra.multiply(y, Polynomial(factor))) ? factor : nil
  }

  /// Chains with the same members in the same or in mirrored order, or one inequality that is a
  /// multiple of the other.
  private func chains(_ gold: Value, _ answer: Value) throws(MathematicsError) -> Bool {
    guard case .relation(let left, let rest) = gold,
      case .relation(let otherLeft, let otherRest) = answer
    else { return false }
    if rest.count == 1, otherRest.count == 1, case .scalar(let a) = left,
      case .scalar(let b) = rest[0].1, case .scalar(let c) = otherLeft,
      case .scalar(let d) = otherRest[0].1
    {
      let x = try algebra.subtract(a.value, b.value)
      let y = try algebra.subtract(c.value, d.value)
      if x.denominator.isOne, y.denominator.isOne,
        let factor = try multiple(x.numerator, y.numerator)
      {
        let relation = otherRest[0].0
        return rest[0].0 == (factor.isNegative ? relation.mirrored : relation)
      }
    }
    guard rest.count == otherRest.count else { return false }
    let values = [left] + rest.map(\.1)
    let others = [otherLeft] + otherRest.map(\.1)
    let relations = rest.map(\.0)
    if relations == otherRest.map(\.0), try inOrder(values, others) { return true }
    let mirrored = otherRest.map(\.0.mirrored)
    guard relations == mirrored.reversed() else { return false }
    return try inOrder(values, others.reversed())
  }
}

extension Expression {
  /// Whether two names may be of the same thing. Single names and products of names (`AB`) must be
  /// the same; a function, a text or a tuple is another way to say it.
  func names(_ other: Expression) -> Bool {
    switch (self, other) {
    case (.symbol(let a), .symbol(let b)): a.lowercased() == b.lowercased()
    case (.product, .product), (.symbol, .product), (.product, .symbol): self == other
    default: true
    }
  }
}

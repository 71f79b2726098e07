/// A set of real numbers that is a union of intervals and points, by the places where it begins and
/// ends.
struct Region {
  /// A place between numbers: just below or just above a value, or an end of the line.
  struct Cut {
    enum Position {
      case minusInfinity
      case value(Quotient)
      case plusInfinity
    }
    var position: Position
    var isAbove: Bool
  }

  /// Ascending; inside lies between the first and the second, the third and the fourth, …
  private(set) var cuts: [Cut]

  static let empty = Region(cuts: [])
  static let all = Region(cuts: [
    Cut(position: .minusInfinity, isAbove: false), Cut(position: .plusInfinity, isAbove: false),
  ])

  private init(cuts: [Cut]) { self.cuts = cuts }

  /// The set that a value is or describes; nil: none that is read so.
  init?(_ value: Value, _ algebra: Algebra) throws(MathematicsError) {
    switch value {
    case .region(let region): self = region
    case .group(let opens, let items, let closes):
      guard items.count == 2, let low = Self.position(items[0]),
        let high = Self.position(items[1])
      else { return nil }
      try self.init(
        Cut(position: low, isAbove: !opens), Cut(position: high, isAbove: closes), algebra)
    case .set(let items):
      var union = Region.empty
      for item in items {
        guard case .scalar(let scalar) = item, algebra.isConstant(scalar.value) else {
          return nil
        }
        let position = Cut.Position.value(scalar.value)
        let point = Region(cuts: [
          Cut(position: position, isAbove: false), Cut(position: position, isAbove: true),
        ])
        union = try union.union(point, algebra)
      }
      self = union
    case .assigned(_, let value):
      guard let region = try Region(value, algebra) else { return nil }
      self = region
    case .relation(let left, let rest):
      guard let region = try Self.solved(left, rest, algebra) else { return nil }
      self = region
    case .list(let items):
      // `x < 1 or x > 3`; only conditions are joined so.
      var union = Region.empty
      for item in items {
        guard case .relation = item, let part = try Region(item, algebra) else { return nil }
        union = try union.union(part, algebra)
      }
      self = union
    case .scalar, .infinity, .matrix, .ratio, .text: return nil
    }
  }

  private init?(_ low: Cut, _ high: Cut, _ algebra: Algebra) throws(MathematicsError) {
    guard let order = try Self.compare(low, high, algebra), order < 0 else { return nil }
    cuts = [low, high]
  }

  private static func position(_ value: Value) -> Cut.Position? {
    switch value {
    case .scalar(let scalar): .value(scalar.value)
    case .infinity(let isNegative): isNegative ? .minusInfinity : .plusInfinity
    default: nil
    }
  }

  // MARK: Order

  /// Nil: 256 bits do not tell, or a symbol occurs.
  private static func compare(
    _ a: Cut, _ b: Cut, _ algebra: Algebra
  ) throws(MathematicsError) -> Int? {
    switch (a.position, b.position) {
    case (.minusInfinity, .minusInfinity), (.plusInfinity, .plusInfinity): return 0
    case (.minusInfinity, _), (_, .plusInfinity): return -1
    case (_, .minusInfinity), (.plusInfinity, _): return 1
    case (.value(let x), .value(let y)):
      if try algebra.areEqual(x, y) { return a.isAbove == b.isAbove ? 0 : a.isAbove ? 1 : -1 }
      return try algebra.sign(of: try algebra.subtract(x, y))
    }
  }

  func equals(_ other: Region, _ algebra: Algebra) throws(MathematicsError) -> Bool {
    guard cuts.count == other.cuts.count else { return false }
    for (a, b) in zip(cuts, other.cuts) {
      guard try Self.compare(a, b, algebra) == 0 else { return false }
    }
    return true
  }

  // MARK: Set algebra

  func union(_ other: Region, _ algebra: Algebra) throws(MathematicsError) -> Region {
    try combined(other, algebra) { $0 || $1 }
  }

  func intersection(_ other: Region, _ algebra: Algebra) throws(MathematicsError) -> Region {
    try combined(other, algebra) { $0 && $1 }
  }

  func complement() throws(MathematicsError) -> Region {
    var result = cuts
    if case .minusInfinity? = result.first?.position {
      result.removeFirst()
    } else {
      result.insert(Cut(position: .minusInfinity, isAbove: false), at: 0)
    }
    if case .plusInfinity? = result.last?.position {
      result.removeLast()
    } else {
      result.append(Cut(position: .plusInfinity, isAbove: false))
    }
    return Region(cuts: result)
  }

  private func combined(
    _ other: Region, _ algebra: Algebra, _ isIn: (Bool, Bool) -> Bool
  ) throws(MathematicsError) -> Region {
    var result: [Cut] = []
    var (i, j) = (0, 0)
    var isInside = false
    while i < cuts.count || j < other.cuts.count {
      try algebra.budget.spend(8)
      var order = i == cuts.count ? 1 : -1
      if i < cuts.count, j < other.cuts.count {
        guard let known = try Self.compare(cuts[i], other.cuts[j], algebra) else {
          throw .unreadable
        }
        order = known
      }
      let cut = order <= 0 ? cuts[i] : other.cuts[j]
      if order <= 0 { i += 1 }
      if order >= 0 { j += 1 }
      let isNowInside = isIn(i % 2 == 1, j % 2 == 1)
      if isNowInside != isInside { result.append(cut) }
      isInside = isNowInside
    }
    return Region(cuts: result)
  }

  // MARK: Conditions

  /// The solutions of a chain of inequalities in one unknown that occurs linearly.
  private static func solved(
    _ left: Value, _ rest: [(Relation, Value)], _ algebra: Algebra
  ) throws(MathematicsError) -> Region? {
    var region = Region.all
    var previous = left
    var unknown: AtomID?
    for (relation, next) in rest {
      if relation == .equal || relation == .member { return nil }
      // -∞ < x and x < ∞ say nothing.
      let isFree = [previous, next].contains { if case .infinity = $0 { true } else { false } }
      if !isFree {
        guard case .scalar(let a) = previous, case .scalar(let b) = next,
          let (part, atom) = try solved(a.value, relation, b.value, algebra),
          unknown == nil || unknown == atom
        else { return nil }
        unknown = atom
        region = try region.intersection(part, algebra)
      }
      previous = next
    }
    return unknown == nil ? nil : region
  }

  private static func solved(
    _ a: Quotient, _ relation: Relation, _ b: Quotient, _ algebra: Algebra
  ) throws(MathematicsError) -> (Region, AtomID)? {
    let difference = try algebra.subtract(a, b)
    guard difference.denominator.isOne else { return nil }
    var (slope, offset) = (Polynomial.zero, Polynomial.zero)
    var unknown: AtomID?
    for term in difference.numerator.terms {
      let single = Polynomial(terms: [term])
      if algebra.isConstant(single) {
        offset = try algebra.add(offset, single)
        continue
      }
      var rest = term
      guard
        let index = term.monomial.factors.firstIndex(where: { factor in
          !algebra.isConstant(
            Polynomial(terms: [
              Term(coefficient: .one, monomial: Monomial(factors: [factor]))
            ]))
        }), term.monomial.factors[index].exponent.isOne,
        unknown == nil || unknown == term.monomial.factors[index].atom
      else { return nil }
      unknown = term.monomial.factors[index].atom
      rest.monomial.factors.remove(at: index)
      let part = Polynomial(terms: [rest])
      guard algebra.isConstant(part) else { return nil }
      slope = try algebra.add(slope, part)
    }
    guard let unknown, let sign = try algebra.sign(of: Quotient(slope)), sign != 0 else {
      return nil
    }
    let border = Cut.Position.value(
      algebra.negate(try algebra.divide(Quotient(offset), Quotient(slope))))
    let below = Cut(position: border, isAbove: false)
    let above = Cut(position: border, isAbove: true)
    let first = Cut(position: .minusInfinity, isAbove: false)
    let last = Cut(position: .plusInfinity, isAbove: false)
    let region: Region
    switch sign > 0 ? relation : relation.mirrored {
    case .less: region = Region(cuts: [first, below])
    case .lessEqual: region = Region(cuts: [first, above])
    case .greater: region = Region(cuts: [above, last])
    case .greaterEqual: region = Region(cuts: [below, last])
    case .notEqual: region = Region(cuts: [first, below, above, last])
    default: return nil
    }
    return (region, unknown)
  }
}

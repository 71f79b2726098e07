/// What a monomial is made of, beside rational numbers.
enum Atom: Equatable, Sendable {
  /// A variable, or a name of more letters.
  case symbol(String)
  /// i, with i² = -1.
  case imaginary
  case pi
  /// Euler's number.
  case euler
  /// A whole number from 2 that trial division does not split; its exponents are in [0, 1).
  case prime(Integer)
  /// A sum under a root or a symbolic power; its exponents are in [0, 1).
  case base(Polynomial)
  /// An atom to the power of a monomial that is not 1: `2^x`, `e^{iπ}`, `x^n`.
  case power(AtomID, Monomial)
  /// A function's value without a closed form, by the function's name; the names of functions that
  /// are themselves unknown, as in f(2), begin with a question mark.
  case function(String, [Quotient])
}

/// Exact arithmetic with quotients of polynomials in atoms. The atoms' relations (i² = -1,
/// √2·√2 = 2, √(x+1)² = x+1) are applied by every product, so that the numbers built from rational
/// numbers, i, π and roots of rational numbers have one form each: distinct monomials in roots of
/// primes are linearly independent over the rationals (Besicovitch 1940).
///
/// An instance belongs to one comparison: its atoms get their numbers in order of appearance.
final class Algebra {
  let budget: Budget
  private(set) var atoms: [Atom] = []
  /// Values that were computed, since the same few roots and powers occur again and again.
  var enclosures: [(factor: Factor, value: ComplexEnclosure)] = []

  init(budget: Budget) { self.budget = budget }

  // MARK: Atoms

  /// The number of an atom, the same for equal ones.
  func intern(_ atom: Atom) throws(MathematicsError) -> AtomID {
    try budget.spend(4 + atoms.count)
    if let known = atoms.firstIndex(of: atom) { return known }
    guard atoms.count < Limits.atoms else { throw .budget }
    atoms.append(atom)
    return atoms.count - 1
  }

  func quotient(
    _ atom: Atom, to exponent: Exponent = .one
  ) throws(MathematicsError) -> Quotient {
    let factor = Factor(atom: try intern(atom), exponent: exponent)
    return Quotient(
      Polynomial(terms: [Term(coefficient: .one, monomial: Monomial(factors: [factor]))]))
  }

  /// The name of a value that is a symbol alone.
  func symbol(_ x: Quotient) -> String? {
    guard x.denominator.isOne, x.numerator.terms.count == 1, x.numerator.terms[0].coefficient.isOne,
      x.numerator.terms[0].monomial.factors.count == 1,
      x.numerator.terms[0].monomial.factors[0].exponent.isOne,
      case .symbol(let name) = atoms[x.numerator.terms[0].monomial.factors[0].atom]
    else { return nil }
    return name
  }

  func function(_ name: String, _ arguments: [Quotient]) throws(MathematicsError) -> Quotient {
    try quotient(.function(name, arguments))
  }

  // MARK: Sums

  func add(_ a: Polynomial, _ b: Polynomial) throws(MathematicsError) -> Polynomial {
    if a.isZero { return b }
    if b.isZero { return a }
    try budget.spend(4)
    var terms: [Term] = []
    terms.reserveCapacity(a.terms.count + b.terms.count)
    var (i, j) = (0, 0)
    while i < a.terms.count || j < b.terms.count {
      try budget.spend(1)
      let order =
        i == a.terms.count
        ? 1
        : j == b.terms.count ? -1 : Monomial.compare(a.terms[i].monomial, b.terms[j].monomial)
      if order < 0 {
        terms.append(a.terms[i])
        i += 1
      } else if order > 0 {
        terms.append(b.terms[j])
        j += 1
      } else {
        let sum = try add(a.terms[i].coefficient, b.terms[j].coefficient)
        if !sum.isZero {
          terms.append(Term(coefficient: sum, monomial: a.terms[i].monomial))
        }
        i += 1
        j += 1
      }
    }
    guard terms.count <= Limits.terms else { throw .budget }
    return Polynomial(terms: terms)
  }

  func negate(_ a: Polynomial) -> Polynomial {
    Polynomial(
      terms: a.terms.map { Term(coefficient: -$0.coefficient, monomial: $0.monomial) })
  }

  func add(_ a: Quotient, _ b: Quotient) throws(MathematicsError) -> Quotient {
    if let x = a.constant, let y = b.constant { return Quotient(try add(x, y)) }
    if a.denominator == b.denominator {
      let sum = try add(a.numerator, b.numerator)
      // 0 has one form.
      return sum.isZero ? .zero : Quotient(numerator: sum, denominator: a.denominator)
    }
    return try divide(
      try add(
        try multiply(a.numerator, b.denominator), try multiply(b.numerator, a.denominator)),
      try multiply(a.denominator, b.denominator))
  }

  func negate(_ a: Quotient) -> Quotient {
    Quotient(numerator: negate(a.numerator), denominator: a.denominator)
  }

  func subtract(_ a: Quotient, _ b: Quotient) throws(MathematicsError) -> Quotient {
    try add(a, negate(b))
  }

  // MARK: Products

  func multiply(_ a: Polynomial, _ b: Polynomial) throws(MathematicsError) -> Polynomial {
    if a.isOne { return b }
    if b.isOne { return a }
    if let x = a.constant, let y = b.constant { return Polynomial(try multiply(x, y)) }
    try budget.spend(4)
    var result = Polynomial.zero
    for x in a.terms {
      var row = Polynomial.zero
      for y in b.terms {
        let product = try multiply(x, y)
        // Mostly the products come in order, and are one term each.
        if product.terms.count == 1, let last = row.terms.last,
          Monomial.compare(last.monomial, product.terms[0].monomial) < 0
        {
          row.terms.append(product.terms[0])
        } else {
          row = try add(row, product)
        }
      }
      result = try add(result, row)
    }
    return result
  }

  func multiply(_ a: Quotient, _ b: Quotient) throws(MathematicsError) -> Quotient {
    if let x = a.constant, let y = b.constant { return Quotient(try multiply(x, y)) }
    // a/b · b stays in lowest terms where that is plain to see.
    if a.denominator == b.numerator {
      return Quotient(numerator: a.numerator, denominator: b.denominator)
    }
    if b.denominator == a.numerator {
      return Quotient(numerator: b.numerator, denominator: a.denominator)
    }
    let numerator = try multiply(a.numerator, b.numerator)
    if a.denominator.isOne, b.denominator.isOne { return Quotient(numerator) }
    return try divide(numerator, try multiply(a.denominator, b.denominator))
  }

  func divide(_ a: Quotient, _ b: Quotient) throws(MathematicsError) -> Quotient {
    try multiply(a, try divide(b.denominator, b.numerator))
  }

  /// A quotient of polynomials; a denominator of one term is divided out.
  func divide(_ a: Polynomial, _ b: Polynomial) throws(MathematicsError) -> Quotient {
    guard let first = b.terms.first else { throw .undefined }
    try refuseHiddenZero(b)
    if a.isZero { return .zero }
    if a == b { return .one }
    var factor = Term(coefficient: Rational.one / first.coefficient, monomial: .one)
    if b.terms.count == 1 {
      var sums = Polynomial.one
      for part in first.monomial.factors {
        var exponent = try part.exponent.times(Exponent(-1))
        if case .base(let sum) = atoms[part.atom] {
          // 1/√s = √s/s
          exponent = try exponent.plus(.one)
          sums = try multiply(sums, sum)
        }
        factor.monomial.factors.append(Factor(atom: part.atom, exponent: exponent))
      }
      // A negative exponent of a prime or of i is not in its range: `normalized` brings it there.
      let product = try multiply(a, try normalized(factor))
      return sums.isOne ? Quotient(product) : try divide(product, sums)
    }
    let scale = Polynomial(factor.coefficient)
    return Quotient(
      numerator: try multiply(a, scale), denominator: try multiply(b, scale))
  }

  /// Throws where a number is 0 without having the form of 0 (√(3+2√2) - 1 - √2 if it were not
  /// denested), or may be: nothing is divided by such.
  private func refuseHiddenZero(_ a: Polynomial) throws(MathematicsError) {
    guard hasOpaqueParts(a), isConstant(a) else { return }
    guard try enclosure(of: a).excludesZero else { throw .undefined }
  }

  /// Whether equality of such numbers is not decided by their forms.
  func hasOpaqueParts(_ a: Polynomial) -> Bool {
    a.terms.contains { term in
      term.monomial.factors.contains { factor in
        switch atoms[factor.atom] {
        case .symbol, .imaginary, .pi, .euler, .prime: false
        case .base, .power, .function: true
        }
      }
    }
  }

  /// Whether it is a number: no symbol occurs in it, however deep.
  func isConstant(_ a: Polynomial) -> Bool {
    a.terms.allSatisfy { $0.monomial.factors.allSatisfy { isConstant($0.atom) } }
  }

  func isConstant(_ a: Quotient) -> Bool { isConstant(a.numerator) && isConstant(a.denominator) }

  private func isConstant(_ atom: AtomID) -> Bool {
    switch atoms[atom] {
    case .symbol: false
    case .imaginary, .pi, .euler, .prime: true
    case .base(let sum): isConstant(sum)
    case .power(let base, let monomial):
      isConstant(base) && monomial.factors.allSatisfy { isConstant($0.atom) }
    case .function(let name, let arguments):
      !name.hasPrefix("?") && arguments.allSatisfy { isConstant($0) }
    }
  }

  private func multiply(_ a: Term, _ b: Term) throws(MathematicsError) -> Polynomial {
    let coefficient = try multiply(a.coefficient, b.coefficient)
    if a.monomial.isOne || b.monomial.isOne {
      let monomial = a.monomial.isOne ? b.monomial : a.monomial
      return Polynomial(terms: [Term(coefficient: coefficient, monomial: monomial)])
    }
    var merged: [Factor] = []
    var (i, j) = (0, 0)
    let (x, y) = (a.monomial.factors, b.monomial.factors)
    var needsReduction = false
    while i < x.count || j < y.count {
      try budget.spend(1)
      if j == y.count || (i < x.count && x[i].atom < y[j].atom) {
        merged.append(x[i])
        i += 1
      } else if i == x.count || y[j].atom < x[i].atom {
        merged.append(y[j])
        j += 1
      } else {
        let sum = try x[i].exponent.plus(y[j].exponent)
        needsReduction = needsReduction || isReducible(atoms[x[i].atom], sum)
        if !sum.isZero { merged.append(Factor(atom: x[i].atom, exponent: sum)) }
        i += 1
        j += 1
      }
    }
    let term = Term(coefficient: coefficient, monomial: Monomial(factors: merged))
    return needsReduction ? try normalized(term) : Polynomial(terms: [term])
  }

  // MARK: Relations of atoms

  private func isReducible(_ atom: Atom, _ exponent: Exponent) -> Bool {
    switch atom {
    case .prime, .base: exponent.floor != 0
    case .imaginary: !exponent.isOne
    case .power: isRoot(atom) && exponent.floor != 0
    default: false
    }
  }

  /// Whether it is e^{iπ}, whose exponents are in [0, 1) with e^{iπ} = -1.
  private func isRoot(_ atom: Atom) -> Bool {
    guard case .power(let base, let monomial) = atom, atoms[base] == .euler,
      monomial.factors.count == 2
    else { return false }
    return monomial.factors.allSatisfy {
      $0.exponent.isOne && (atoms[$0.atom] == .imaginary || atoms[$0.atom] == .pi)
    }
  }

  /// A term with exponents of any size, brought into the atoms' ranges.
  func normalized(_ term: Term) throws(MathematicsError) -> Polynomial {
    var coefficient = term.coefficient
    var factors: [Factor] = []
    var sums: [(Polynomial, Int)] = []
    for factor in term.monomial.factors {
      let atom = atoms[factor.atom]
      guard isReducible(atom, factor.exponent) else {
        factors.append(factor)
        continue
      }
      let whole = factor.exponent.floor
      let rest = try factor.exponent.plus(Exponent(-whole))
      switch atom {
      case .prime(let number):
        coefficient = try multiply(coefficient, try power(Rational(number), whole))
        if !rest.isZero { factors.append(Factor(atom: factor.atom, exponent: rest)) }
      case .imaginary:
        // Roots of i are powers of e^{iπ}: its own exponents are whole.
        guard rest.isZero else { throw .budget }
        if whole & 2 != 0 { coefficient = -coefficient }
        if whole & 1 != 0 { factors.append(Factor(atom: factor.atom, exponent: .one)) }
      case .power:
        if whole & 1 != 0 { coefficient = -coefficient }
        if !rest.isZero { factors.append(Factor(atom: factor.atom, exponent: rest)) }
      case .base(let sum):
        sums.append((sum, whole))
        if !rest.isZero { factors.append(Factor(atom: factor.atom, exponent: rest)) }
      default: factors.append(factor)
      }
    }
    var result = Polynomial(
      terms: [Term(coefficient: coefficient, monomial: Monomial(factors: factors))])
    for (sum, whole) in sums {
      // Division keeps the exponents of sums positive.
      guard whole > 0, whole <= Limits.expansion else { throw .budget }
      for _ in 0..<whole { result = try multiply(result, sum) }
    }
    return result
  }

  // MARK: Rational numbers, charged by their size

  func add(_ a: Rational, _ b: Rational) throws(MathematicsError) -> Rational {
    try charge(a, b)
    return a + b
  }

  func multiply(_ a: Rational, _ b: Rational) throws(MathematicsError) -> Rational {
    if a.isOne { return b }
    if b.isOne { return a }
    try charge(a, b)
    return a * b
  }

  func charge(_ a: Rational, _ b: Rational) throws(MathematicsError) {
    let (x, y) = (a.words, b.words)
    guard x + y <= 2 * Limits.integerWords else { throw .budget }
    // Reduction to lowest terms is quadratic in the length of the result.
    try budget.spend(x + y <= 4 ? 1 : 2 * (x + y) * (x + y))
  }

  func power(_ base: Rational, _ exponent: Int) throws(MathematicsError) -> Rational {
    if base.isOne || exponent == 1 { return base }
    if exponent == 0 { return .one }
    if base.isZero {
      guard exponent > 0 else { throw .undefined }
      return base
    }
    if base.magnitude.isOne { return exponent & 1 == 0 ? .one : base }
    let bits = max(base.numerator.bitWidth, base.denominator.bitWidth)
    guard exponent.magnitude <= Limits.exponent else { throw .budget }
    let words = bits * abs(exponent) / 32
    guard words <= Limits.integerWords else { throw .budget }
    try budget.spend(1 + words * words / 8)
    return base.power(exponent)
  }
}

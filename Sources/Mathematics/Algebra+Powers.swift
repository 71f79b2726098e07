extension Algebra {
  func power(_ base: Quotient, _ exponent: Quotient) throws(MathematicsError) -> Quotient {
    try budget.spend(1)
    guard let rational = exponent.constant else { return try symbolicPower(base, exponent) }
    if let whole = rational.word { return try power(base, whole) }
    guard !rational.isWhole else {
      // Only 0, 1 and -1 have such powers of a bearable size.
      if let number = base.constant, number.magnitude.isOne {
        return number.isNegative && rational.numerator.isOdd ? base : .one
      }
      throw .budget
    }
    return try root(base, try Exponent(rational))
  }

  /// A whole power; sums are multiplied out.
  func power(_ base: Quotient, _ exponent: Int) throws(MathematicsError) -> Quotient {
    if exponent == 1 { return base }
    if base.isZero {
      // 0^0 is left without a value, as 0/0 is.
      guard exponent > 0 else { throw .undefined }
      return .zero
    }
    if exponent == 0 { return .one }
    if let number = base.constant { return Quotient(try power(number, exponent)) }
    if exponent < 0 { return try power(try divide(Quotient.one, base), -exponent) }
    if base.denominator.isOne, base.numerator.terms.count == 1 {
      var term = base.numerator.terms[0]
      term.coefficient = try power(term.coefficient, exponent)
      for index in term.monomial.factors.indices {
        let old = term.monomial.factors[index].exponent
        guard abs(exponent) <= Limits.exponent else { throw .budget }
        term.monomial.factors[index].exponent = try old.times(Exponent(exponent))
      }
      return Quotient(try normalized(term))
    }
    guard exponent <= Limits.expansion else { throw .budget }
    var result = Quotient.one
    for _ in 0..<exponent { result = try multiply(result, base) }
    return result
  }

  // MARK: Roots

  /// The principal value of a power with a broken exponent; of a negative number with an odd root
  /// the real one, as in school.
  func root(_ base: Quotient, _ exponent: Exponent) throws(MathematicsError) -> Quotient {
    if base.isZero {
      guard exponent.numerator > 0 else { throw .undefined }
      return .zero
    }
    guard base.denominator.isOne else { return try rootOfQuotient(base, exponent) }
    if base.numerator.terms.count == 1 {
      return try root(ofTerm: base.numerator.terms[0], exponent)
    }
    if let value = try denested(base.numerator, exponent) { return value }
    // √(4x+8) = 2√(x+2)
    let (content, primitive) = try split(base.numerator)
    let outside = try root(positive: content, exponent)
    let whole = exponent.floor
    let rest = try exponent.plus(Exponent(-whole))
    let inside = try quotient(.base(primitive), to: rest)
    return try multiply(outside, try multiply(inside, try power(Quotient(primitive), whole)))
  }

  /// √(n/d) = √(nd)/d for a positive number d; other quotients stay as they are.
  private func rootOfQuotient(
    _ base: Quotient, _ exponent: Exponent
  ) throws(MathematicsError) -> Quotient {
    if isConstant(base.denominator), let sign = try sign(of: Quotient(base.denominator)), sign > 0,
      exponent.denominator == 2
    {
      let product = try multiply(base.numerator, base.denominator)
      let top = try root(Quotient(product), exponent)
      return try divide(top, try power(Quotient(base.denominator), exponent.numerator))
    }
    return try function("power", [base, Quotient(exponent.rational)])
  }

  /// The positive number and the polynomial with whole coefficients without a common factor whose
  /// product `sum` is.
  private func split(
    _ sum: Polynomial
  ) throws(MathematicsError) -> (content: Rational, primitive: Polynomial) {
    var (top, bottom) = (Integer(0), Integer(1))
    for term in sum.terms {
      try charge(term.coefficient, Rational(bottom))
      top = Integer.gcd(top, term.coefficient.numerator)
      let shared = Integer.gcd(bottom, term.coefficient.denominator)
      bottom = bottom * term.coefficient.denominator.divided(by: shared).quotient
    }
    let content = Rational(top, over: bottom)
    return (content, try multiply(sum, Polynomial(Rational.one / content)))
  }

  private func root(
    ofTerm term: Term, _ exponent: Exponent
  ) throws(MathematicsError) -> Quotient {
    var result = try root(positive: term.coefficient.magnitude, exponent)
    var inside = Term(coefficient: .one, monomial: .one)
    if term.coefficient.isNegative {
      if term.monomial.factors.allSatisfy({ isPositive(atoms[$0.atom]) }) {
        result = try multiply(result, try rootOfMinusOne(exponent))
      } else {
        inside.coefficient = Rational(-1)
      }
    }
    for factor in term.monomial.factors {
      if isPositive(atoms[factor.atom]) {
        let power = Monomial(
          factors: [Factor(atom: factor.atom, exponent: try factor.exponent.times(exponent))])
        let part = try normalizedQuotient(power)
        result = try multiply(result, part)
      } else {
        inside.monomial.factors.append(factor)
      }
    }
    if inside.monomial.isOne { return result }
    if inside.monomial.factors.count == 1, !inside.coefficient.isNegative,
      let part = try root(ofFactor: inside.monomial.factors[0], exponent)
    {
      return try multiply(result, part)
    }
    let base = Polynomial(terms: [inside])
    let whole = exponent.floor
    let rest = try exponent.plus(Exponent(-whole))
    let atom = try quotient(.base(base), to: rest)
    return try multiply(result, try multiply(atom, try power(Quotient(base), whole)))
  }

  /// √x, √x³ (where the root is real, x is not negative), ∛x², and √x² = |x|.
  private func root(
    ofFactor factor: Factor, _ exponent: Exponent
  ) throws(MathematicsError) -> Quotient? {
    let isEvenRoot = exponent.denominator % 2 == 0
    let result = try factor.exponent.times(exponent)
    switch atoms[factor.atom] {
    case .symbol, .function, .base: break
    case .power, .imaginary, .pi, .euler, .prime: return nil
    }
    let single = Monomial(factors: [Factor(atom: factor.atom, exponent: .one)])
    if isEvenRoot, factor.exponent.isWhole, factor.exponent.numerator % 2 == 0 {
      let value = try absolute(
        Quotient(Polynomial(terms: [Term(coefficient: .one, monomial: single)])))
      if result.isWhole { return try power(value, result.numerator) }
      return try root(value, result)
    }
    return try normalizedQuotient(Monomial(factors: [Factor(atom: factor.atom, exponent: result)]))
  }

  func normalizedQuotient(_ monomial: Monomial) throws(MathematicsError) -> Quotient {
    var (top, bottom) = (Quotient.one, Quotient.one)
    for factor in monomial.factors {
      let power = Monomial(factors: [factor])
      if case .base(let sum) = atoms[factor.atom], factor.exponent.floor < 0 {
        let whole = factor.exponent.floor
        let rest = try factor.exponent.plus(Exponent(-whole))
        bottom = try multiply(bottom, try self.power(Quotient(sum), -whole))
        if !rest.isZero { top = try multiply(top, try quotient(atoms[factor.atom], to: rest)) }
      } else {
        let part = try normalized(Term(coefficient: .one, monomial: power))
        top = try multiply(top, Quotient(part))
      }
    }
    return bottom == .one ? top : try divide(top, bottom)
  }

  func isPositive(_ atom: Atom) -> Bool {
    switch atom {
    case .pi, .euler, .prime: true
    case .function(let name, _): name == "abs"
    case .power(let base, let monomial):
      // A positive number to a real power; symbols are taken for real.
      isPositive(atoms[base])
        && monomial.factors.allSatisfy {
          if case .imaginary = atoms[$0.atom] { false } else { true }
        }
    default: false
    }
  }

  private func rootOfMinusOne(_ exponent: Exponent) throws(MathematicsError) -> Quotient {
    if exponent.denominator % 2 == 1 {
      return Quotient(Rational(exponent.numerator % 2 == 0 ? 1 : -1))
    }
    return try unitRoot(exponent.rational)
  }

  /// A power of a positive number, as a product of roots of primes.
  func root(positive number: Rational, _ exponent: Exponent) throws(MathematicsError) -> Quotient {
    if number.isOne { return .one }
    var factors: [Factor] = []
    for (integer, sign) in [(number.numerator, 1), (number.denominator, -1)] {
      for (prime, count) in try primes(of: integer) {
        factors.append(
          Factor(
            atom: try intern(.prime(prime)),
            exponent: try exponent.times(try Exponent(sign * count, over: 1))))
      }
    }
    factors.sort { $0.atom < $1.atom }
    return Quotient(
      try normalized(Term(coefficient: .one, monomial: Monomial(factors: factors))))
  }

  /// The factors of a positive whole number up to ``Limits/trialDivisor``, and what is left.
  func primes(of number: Integer) throws(MathematicsError) -> [(Integer, Int)] {
    var result: [(Integer, Int)] = []
    var (rest, divisor) = (number, 2)
    while divisor <= Limits.trialDivisor, !rest.isOne {
      if let word = rest.word, divisor * divisor > word { break }
      try budget.spend(rest.words)
      var count = 0
      while true {
        let (quotient, remainder) = rest.divided(by: Integer(divisor))
        guard remainder.isZero else { break }
        try budget.spend(rest.words)
        rest = quotient
        count += 1
      }
      if count > 0 { result.append((Integer(divisor), count)) }
      divisor += divisor == 2 ? 1 : 2
    }
    if rest.isOne { return result }
    // √(p²) for a prime beyond the trial divisors.
    try budget.spend(rest.words * rest.words * 4)
    let square = rest.squareRoot
    result.append(square * square == rest ? (square, 2) : (rest, 1))
    return result
  }

  /// √(a ± b√c) for rational a, b and c, if it is a sum of two roots of rational numbers: with
  /// d = √(a² - b²c), it is √((a+d)/2) ± √((a-d)/2).
  private func denested(
    _ sum: Polynomial, _ exponent: Exponent
  ) throws(MathematicsError) -> Quotient? {
    guard exponent.denominator == 2, sum.terms.count == 2, sum.terms[0].monomial.isOne else {
      return nil
    }
    let (a, other) = (sum.terms[0].coefficient, Polynomial(terms: [sum.terms[1]]))
    guard !a.isNegative, let square = try multiply(other, other).constant, !square.isNegative
    else { return nil }
    let difference = try add(try multiply(a, a), -square)
    guard !difference.isNegative else { return nil }
    let d = try root(positive: difference.isZero ? .one : difference, Exponent(1, over: 2))
    guard let d = difference.isZero ? Rational.zero : d.constant else { return nil }
    let half = Rational(Integer(1), over: Integer(2))
    let plus = try root(Quotient((a + d) * half), Exponent(1, over: 2))
    let minus = try root(Quotient((a - d) * half), Exponent(1, over: 2))
    let value =
      sum.terms[1].coefficient.isNegative ? try subtract(plus, minus) : try add(plus, minus)
    return try power(value, exponent.numerator)
  }

  // MARK: Symbolic exponents

  private func symbolicPower(
    _ base: Quotient, _ exponent: Quotient
  ) throws(MathematicsError) -> Quotient {
    if base.constant?.isOne ?? false { return .one }
    guard exponent.denominator.isOne, !base.isZero, base.denominator.isOne else {
      return try function("power", [base, exponent])
    }
    if base.numerator.terms.count > 1 {
      let atom = try intern(.base(base.numerator))
      var result = Quotient.one
      for term in exponent.numerator.terms {
        if term.monomial.isOne {
          result = try multiply(result, try power(base, Quotient(term.coefficient)))
        } else {
          let power = Atom.power(atom, term.monomial)
          result = try multiply(result, try quotient(power, to: try Exponent(term.coefficient)))
        }
      }
      return result
    }
    let term = base.numerator.terms[0]
    var result = Quotient.one
    if term.coefficient.isNegative {
      let turn = try multiply(try quotient(.imaginary), try quotient(.pi))
      result = try exponential(try multiply(turn, exponent))
    }
    for (integer, sign) in [
      (term.coefficient.numerator.magnitude, 1), (term.coefficient.denominator, -1),
    ] {
      for (prime, count) in try primes(of: integer) {
        let scaled = try multiply(exponent, Quotient(Rational(sign * count)))
        result = try multiply(
          result, try power(atom: try intern(.prime(prime)), scaled.numerator))
      }
    }
    for factor in term.monomial.factors {
      let scaled = try multiply(exponent, Quotient(factor.exponent.rational))
      if case .power(let inner, let monomial) = atoms[factor.atom] {
        let product = try multiply(
          scaled.numerator, Polynomial(terms: [Term(coefficient: .one, monomial: monomial)]))
        result = try multiply(result, try power(atom: inner, product))
      } else {
        result = try multiply(result, try power(atom: factor.atom, scaled.numerator))
      }
    }
    return result
  }

  /// An atom to the power of a sum: a product over the sum's terms.
  func power(atom: AtomID, _ exponent: Polynomial) throws(MathematicsError) -> Quotient {
    if atoms[atom] == .euler { return try exponential(Quotient(exponent)) }
    var result = Quotient.one
    for term in exponent.terms {
      let scale = try Exponent(term.coefficient)
      let part =
        term.monomial.isOne
        ? try normalizedQuotient(Monomial(factors: [Factor(atom: atom, exponent: scale)]))
        : try quotient(.power(atom, term.monomial), to: scale)
      result = try multiply(result, part)
    }
    return result
  }
}

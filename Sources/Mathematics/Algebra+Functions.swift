extension Algebra {
  // MARK: Exponentials

  /// e to the power of a quotient.
  func exponential(_ exponent: Quotient) throws(MathematicsError) -> Quotient {
    guard exponent.denominator.isOne else {
      return try function("power", [try quotient(.euler), exponent])
    }
    var result = Quotient.one
    for term in exponent.numerator.terms {
      result = try multiply(result, try exponential(of: term))
    }
    return result
  }

  private func exponential(of term: Term) throws(MathematicsError) -> Quotient {
    let monomial = term.monomial
    if monomial.isOne { return try quotient(.euler, to: try Exponent(term.coefficient)) }
    if isTurn(monomial) { return try unitRoot(term.coefficient) }
    // e^{x ln 2} = 2^x
    for (index, factor) in monomial.factors.enumerated() where factor.exponent.isOne {
      guard case .function("ln", let arguments) = atoms[factor.atom],
        let number = arguments[0].constant
      else { continue }
      var rest = term
      rest.monomial.factors.remove(at: index)
      return try power(atom: try intern(.prime(number.numerator)), Polynomial(terms: [rest]))
    }
    return try quotient(
      .power(try intern(.euler), monomial), to: try Exponent(term.coefficient))
  }

  /// Whether it is iπ.
  private func isTurn(_ monomial: Monomial) -> Bool {
    monomial.factors.count == 2
      && monomial.factors.allSatisfy {
        $0.exponent.isOne && (atoms[$0.atom] == .imaginary || atoms[$0.atom] == .pi)
      }
  }

  /// e^{iπr}: in radicals for multiples of 15° and 18°, else a power of e^{iπ}.
  func unitRoot(_ turns: Rational) throws(MathematicsError) -> Quotient {
    let sixtieths = turns * Rational(60)
    guard let word = sixtieths.word, word % 5 == 0 || word % 6 == 0 else {
      let turn = Monomial(
        factors: [try intern(.imaginary), try intern(.pi)].sorted()
          .map { Factor(atom: $0, exponent: .one) })
      let atom = try intern(.power(try intern(.euler), turn))
      let factor = Factor(atom: atom, exponent: try Exponent(turns))
      return Quotient(
        try normalized(Term(coefficient: .one, monomial: Monomial(factors: [factor]))))
    }
    let cosine = try cosine(sixtieths: word)
    let sine = try self.cosine(sixtieths: word - 30)
    if sine.isZero { return cosine }
    return try add(cosine, try multiply(try quotient(.imaginary), sine))
  }

  /// cos(π·k/60) for multiples of 15° (k = 5 …) and of 18° (k = 6 …).
  private func cosine(sixtieths k: Int) throws(MathematicsError) -> Quotient {
    var k = ((k % 120) + 120) % 120
    if k > 60 { k = 120 - k }
    if k > 30 { return negate(try cosine(sixtieths: 60 - k)) }
    // (√a + s·√b)/d, and for 18° and 54° the root of such.
    func half(_ a: Int, _ sign: Int, _ b: Int, over d: Int) throws(MathematicsError) -> Quotient {
      let scale = Quotient(Rational(Integer(1), over: Integer(d)))
      let left = try root(positive: Rational(a), Exponent(1, over: 2))
      let right = b == 0 ? .zero : try root(positive: Rational(b), Exponent(1, over: 2))
      return try multiply(
        scale, try add(left, try multiply(right, Quotient(Rational(sign)))))
    }
    switch k {
    case 0: return .one
    case 5: return try half(6, 1, 2, over: 4)
    case 10: return try half(3, 1, 0, over: 2)
    case 12: return try half(1, 1, 5, over: 4)
    case 15: return try half(2, 1, 0, over: 2)
    case 20: return Quotient(Rational(Integer(1), over: Integer(2)))
    case 24: return negate(try half(1, -1, 5, over: 4))
    case 25: return try half(6, -1, 2, over: 4)
    case 30: return .zero
    case 6, 18:
      // cos² t = (1 + cos 2t)/2
      let square = try multiply(
        try add(Quotient.one, try cosine(sixtieths: 2 * k)),
        Quotient(Rational(Integer(1), over: Integer(2))))
      return try root(square, Exponent(1, over: 2))
    default: preconditionFailure("no multiple of 15° or 18°: \(k)/60 of a half turn")
    }
  }

  // MARK: Circular and hyperbolic functions, by exponentials

  private enum Part { case sine, cosine }

  private func circular(_ part: Part, _ x: Quotient) throws(MathematicsError) -> Quotient {
    let turn = try multiply(try quotient(.imaginary), x)
    let (a, b) = (try exponential(turn), try exponential(negate(turn)))
    let half = Quotient(Rational(Integer(1), over: Integer(2)))
    switch part {
    case .cosine: return try multiply(half, try add(a, b))
    case .sine:
      return try divide(
        try multiply(half, try subtract(a, b)), try quotient(.imaginary))
    }
  }

  private func hyperbolic(_ part: Part, _ x: Quotient) throws(MathematicsError) -> Quotient {
    let (a, b) = (try exponential(x), try exponential(negate(x)))
    let half = Quotient(Rational(Integer(1), over: Integer(2)))
    return try multiply(half, try part == .cosine ? add(a, b) : subtract(a, b))
  }

  /// A function of one argument by its name in LaTeX; nil: not one that is known here.
  func apply(_ name: String, _ x: Quotient) throws(MathematicsError) -> Quotient? {
    try budget.spend(8)
    switch name {
    case "exp": return try exponential(x)
    case "ln": return try logarithm(x)
    case "log", "lg":
      return try divide(try logarithm(x), try logarithm(Quotient(Rational(10))))
    case "sin": return try circular(.sine, x)
    case "cos": return try circular(.cosine, x)
    case "tan": return try divide(try circular(.sine, x), try circular(.cosine, x))
    case "cot": return try divide(try circular(.cosine, x), try circular(.sine, x))
    case "sec": return try divide(Quotient.one, try circular(.cosine, x))
    case "csc": return try divide(Quotient.one, try circular(.sine, x))
    case "sinh": return try hyperbolic(.sine, x)
    case "cosh": return try hyperbolic(.cosine, x)
    case "tanh": return try divide(try hyperbolic(.sine, x), try hyperbolic(.cosine, x))
    case "arcsin", "arccos", "arctan", "arccot": return try inverse(name, x)
    case "abs": return try absolute(x)
    case "floor", "ceil": return try rounded(name, x)
    case "sqrt": return try power(x, Quotient(Rational(Integer(1), over: Integer(2))))
    case "cbrt": return try power(x, Quotient(Rational(Integer(1), over: Integer(3))))
    case "factorial": return try factorial(x)
    case "Re", "Im", "arg", "sgn", "conjugate": return try function(name, [x])
    default: return nil
    }
  }

  /// The principal value where it is a multiple of 15°; the others by the sine or as they are.
  private func inverse(_ name: String, _ x: Quotient) throws(MathematicsError) -> Quotient {
    let quarter = try multiply(
      try quotient(.pi), Quotient(Rational(Integer(1), over: Integer(2))))
    switch name {
    case "arccos": return try subtract(quarter, try inverse("arcsin", x))
    case "arccot": return try subtract(quarter, try inverse("arctan", x))
    default: break
    }
    let direct = name == "arcsin" ? "sin" : "tan"
    guard isConstant(x) else { return try function(name, [x]) }
    for k in -6...6 where name == "arcsin" || abs(k) < 6 {
      let angle = try multiply(
        try quotient(.pi), Quotient(Rational(Integer(k), over: Integer(12))))
      if let value = try apply(direct, angle), try areEqual(value, x) { return angle }
    }
    return try function(name, [x])
  }

  // MARK: Logarithms

  func logarithm(_ x: Quotient) throws(MathematicsError) -> Quotient {
    if x.isZero { throw .undefined }
    if let sign = try sign(of: x), sign < 0 { throw .undefined }
    guard x.denominator.isOne, x.numerator.terms.count == 1 else {
      return try function("ln", [x])
    }
    let term = x.numerator.terms[0]
    guard !term.coefficient.isNegative,
      term.monomial.factors.allSatisfy({ isPositive(atoms[$0.atom]) })
    else { return try function("ln", [x]) }
    var result = Quotient.zero
    for (integer, sign) in [(term.coefficient.numerator, 1), (term.coefficient.denominator, -1)] {
      for (prime, count) in try primes(of: integer) {
        let value = try function("ln", [Quotient(Rational(prime))])
        result = try add(result, try multiply(value, Quotient(Rational(sign * count))))
      }
    }
    for factor in term.monomial.factors {
      let value = try logarithm(of: factor.atom)
      result = try add(result, try multiply(value, Quotient(factor.exponent.rational)))
    }
    return result
  }

  private func logarithm(of atom: AtomID) throws(MathematicsError) -> Quotient {
    switch atoms[atom] {
    case .euler: return .one
    case .prime(let number): return try function("ln", [Quotient(Rational(number))])
    case .power(let base, let monomial):
      return try multiply(
        try logarithm(of: base),
        Quotient(Polynomial(terms: [Term(coefficient: .one, monomial: monomial)])))
    default: return try function("ln", [try quotient(atoms[atom])])
    }
  }

  // MARK: Magnitude, rounding, counting

  func absolute(_ x: Quotient) throws(MathematicsError) -> Quotient {
    if let number = x.constant { return Quotient(number.magnitude) }
    if isConstant(x) {
      if let sign = try sign(of: x) { return sign < 0 ? negate(x) : x }
      if let parts = try complexParts(x) {
        let square = try add(
          try multiply(parts.real, parts.real), try multiply(parts.imaginary, parts.imaginary))
        return try root(square, Exponent(1, over: 2))
      }
    }
    guard x.denominator.isOne else { return try function("abs", [x]) }
    // |-2x| = 2|x|, |2 - x| = |x - 2|
    let first = x.numerator.terms[0].coefficient
    let scale =
      x.numerator.terms.count == 1 ? first : Rational(first.isNegative ? -1 : 1)
    let inside = try multiply(x, Quotient(Rational.one / scale))
    return try multiply(Quotient(scale.magnitude), try function("abs", [inside]))
  }

  /// a and b of a + bi, where i occurs in no root or function.
  func complexParts(
    _ x: Quotient
  ) throws(MathematicsError) -> (real: Quotient, imaginary: Quotient)? {
    var top = x.numerator
    if !x.denominator.isOne {
      guard let conjugate = conjugate(x.denominator) else { return nil }
      let square = try multiply(x.denominator, conjugate)
      guard !square.isZero else { return nil }
      let whole = try divide(try multiply(x.numerator, conjugate), square)
      guard whole.denominator.isOne else { return nil }
      top = whole.numerator
    }
    guard let conjugate = conjugate(top) else { return nil }
    let half = Polynomial(Rational(Integer(1), over: Integer(2)))
    let real = try multiply(half, try add(top, conjugate))
    let rest = try multiply(half, try add(top, negate(conjugate)))
    return (Quotient(real), try divide(Quotient(rest), try quotient(.imaginary)))
  }

  /// With -i for i; nil if i stands in a root or function.
  private func conjugate(_ sum: Polynomial) -> Polynomial? {
    var result = sum
    for index in sum.terms.indices {
      for factor in sum.terms[index].monomial.factors {
        switch atoms[factor.atom] {
        case .imaginary: result.terms[index].coefficient = -result.terms[index].coefficient
        case .symbol, .pi, .euler, .prime: break
        case .base, .power, .function: return nil
        }
      }
    }
    return result
  }

  private func rounded(_ name: String, _ x: Quotient) throws(MathematicsError) -> Quotient {
    guard isConstant(x) else { return try function(name, [x]) }
    let isFloor = name == "floor"
    if let number = x.constant {
      return Quotient(Rational(isFloor ? number.floor : -(-number).floor))
    }
    guard let integer = try enclosure(of: x).floor else { throw .undefined }
    return Quotient(Rational(isFloor ? integer : integer + Integer(1)))
  }

  func factorial(_ x: Quotient) throws(MathematicsError) -> Quotient {
    guard let number = x.constant else { return try function("factorial", [x]) }
    guard let word = number.word else {
      if number.isWhole { throw .budget }
      return try function("factorial", [x])
    }
    guard word >= 0 else { throw .undefined }
    return Quotient(try product(from: 1, to: word))
  }

  private func product(from low: Int, to high: Int) throws(MathematicsError) -> Rational {
    guard high - low <= Limits.repetitions else { throw .budget }
    var result = Rational.one
    if low > high { return result }
    for factor in low...high { result = try multiply(result, Rational(factor)) }
    return result
  }

  func binomial(_ n: Quotient, _ k: Quotient) throws(MathematicsError) -> Quotient {
    guard let top = n.constant, let bottom = k.constant else {
      return try function("binomial", [n, k])
    }
    guard let n = top.word, let k = bottom.word else { throw .budget }
    guard n >= 0, k >= 0 else { throw .undefined }
    if k > n { return .zero }
    let few = min(k, n - k)
    return Quotient(
      try product(from: n - few + 1, to: n) / (try product(from: 1, to: few)))
  }

  // MARK: Equality

  /// Whether both are the same as functions of their symbols where both have values. Exact, by
  /// cross multiplication; numbers that hold roots of sums or function values are, if their forms
  /// differ, compared by enclosures of 256 bits: see ``Enclosure`` for what that rests on.
  func areEqual(_ a: Quotient, _ b: Quotient) throws(MathematicsError) -> Bool {
    if a == b { return true }
    if let x = a.constant, let y = b.constant { return x == y }
    try budget.spend(8)
    let difference = try add(
      try multiply(a.numerator, b.denominator),
      negate(try multiply(b.numerator, a.denominator)))
    if difference.isZero { return true }
    guard hasOpaqueParts(difference), isConstant(difference) else { return false }
    do throws(MathematicsError) {
      return try enclosure(of: difference).isPracticallyZero
    } catch {
      if error == .undefined { return false }
      throw error
    }
  }
}

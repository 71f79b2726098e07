/// A complex number by enclosures of its two parts.
struct ComplexEnclosure {
  var real: Enclosure
  var imaginary: Enclosure

  static func * (a: Self, b: Self) -> Self {
    Self(
      real: a.real * b.real - a.imaginary * b.imaginary,
      imaginary: a.real * b.imaginary + a.imaginary * b.real)
  }
}

extension Algebra {
  /// Operations of one product of enclosures, and of one elementary function.
  private static let productCost = 20
  private static let functionCost = 1_000

  /// The value of a number, if it is real (or is so close to it that its other part, as of
  /// cos 40° by e^{iπ}, is practically 0).
  func enclosure(of x: Quotient) throws(MathematicsError) -> Enclosure {
    try real(value(x))
  }

  func enclosure(of x: Polynomial) throws(MathematicsError) -> Enclosure { try real(value(x)) }

  private func real(_ x: ComplexEnclosure) throws(MathematicsError) -> Enclosure {
    guard x.imaginary.isPracticallyZero else { throw .undefined }
    return x.real
  }

  /// 1, 0 or -1 of a real number; nil of all else, and where 256 bits do not tell.
  func sign(of x: Quotient) throws(MathematicsError) -> Int? {
    if let number = x.constant { return number.isZero ? 0 : number.isNegative ? -1 : 1 }
    guard isConstant(x) else { return nil }
    do throws(MathematicsError) {
      return try enclosure(of: x).sign
    } catch {
      if error == .undefined { return nil }
      throw error
    }
  }

  private func value(_ x: Quotient) throws(MathematicsError) -> ComplexEnclosure {
    let top = try value(x.numerator)
    if x.denominator.isOne { return top }
    return top * (try inverse(try value(x.denominator)))
  }

  private func value(_ x: Polynomial) throws(MathematicsError) -> ComplexEnclosure {
    var sum = ComplexEnclosure(real: .zero, imaginary: .zero)
    for term in x.terms {
      guard term.coefficient.words <= 64 else { throw .budget }
      var product = ComplexEnclosure(real: Enclosure(term.coefficient), imaginary: .zero)
      for factor in term.monomial.factors {
        try budget.spend(Self.productCost)
        product = product * (try value(factor))
        product.real = try product.real.checked()
        product.imaginary = try product.imaginary.checked()
      }
      sum.real = sum.real + product.real
      sum.imaginary = sum.imaginary + product.imaginary
    }
    return sum
  }

  private func value(_ factor: Factor) throws(MathematicsError) -> ComplexEnclosure {
    if let known = enclosures.first(where: { $0.factor == factor }) { return known.value }
    let value = try computed(factor)
    enclosures.append((factor, value))
    return value
  }

  private func computed(_ factor: Factor) throws(MathematicsError) -> ComplexEnclosure {
    if case .power = atoms[factor.atom] {
      return try power(factor.atom, times: factor.exponent.rational)
    }
    let base = try value(factor.atom)
    let (p, q) = (factor.exponent.numerator, factor.exponent.denominator)
    if q == 1, abs(p) <= 32 {
      var result = ComplexEnclosure(real: .one, imaginary: .zero)
      for _ in 0..<abs(p) { result = result * base }
      return p < 0 ? try inverse(result) : result
    }
    guard base.imaginary.isPracticallyZero else { throw .undefined }
    if q == 2, abs(p) <= 32 {
      let root = ComplexEnclosure(real: try base.real.squareRoot(), imaginary: .zero)
      var result = ComplexEnclosure(real: .one, imaginary: .zero)
      for _ in 0..<abs(p) { result = result * root }
      return p < 0 ? try inverse(result) : result
    }
    try budget.spend(2 * Self.functionCost)
    let exponent = Enclosure(factor.exponent.rational)
    // An odd root of a negative number is real here.
    if base.real.sign == -1, q % 2 == 1 {
      let size = try ((-base.real).logarithm() * exponent).exponential()
      return ComplexEnclosure(real: p % 2 == 0 ? size : -size, imaginary: .zero)
    }
    return ComplexEnclosure(
      real: try (base.real.logarithm() * exponent).exponential(), imaginary: .zero)
  }

  private func value(_ atom: AtomID) throws(MathematicsError) -> ComplexEnclosure {
    switch atoms[atom] {
    case .symbol: throw .undefined
    case .imaginary: return ComplexEnclosure(real: .zero, imaginary: .one)
    case .pi: return ComplexEnclosure(real: .pi, imaginary: .zero)
    case .euler:
      try budget.spend(Self.functionCost)
      return ComplexEnclosure(real: try Enclosure.one.exponential(), imaginary: .zero)
    case .prime(let number):
      guard number.words <= 64 else { throw .budget }
      return ComplexEnclosure(real: Enclosure(Rational(number)), imaginary: .zero)
    case .base(let sum): return try value(sum)
    case .power: return try power(atom, times: .one)
    case .function(let name, let arguments): return try value(name, arguments)
    }
  }

  /// (b^m)^r of an atom b^m: e^{r m ln b}.
  private func power(
    _ atom: AtomID, times scale: Rational
  ) throws(MathematicsError) -> ComplexEnclosure {
    guard case .power(let base, let monomial) = atoms[atom] else { throw .undefined }
    try budget.spend(3 * Self.functionCost)
    let low = try real(try value(base))
    let exponent = try value(
      Polynomial(terms: [Term(coefficient: scale, monomial: monomial)]))
    let logarithm = atoms[base] == .euler ? .one : try low.logarithm()
    let size = try (exponent.real * logarithm).checked().exponential()
    let (cosine, sine) = try (exponent.imaginary * logarithm).checked().circular()
    return ComplexEnclosure(real: size * cosine, imaginary: size * sine)
  }

  private func inverse(_ x: ComplexEnclosure) throws(MathematicsError) -> ComplexEnclosure {
    try budget.spend(Self.productCost)
    let square = try (x.real * x.real + x.imaginary * x.imaginary).inverse()
    return ComplexEnclosure(real: x.real * square, imaginary: -(x.imaginary * square))
  }

  private func value(
    _ name: String, _ arguments: [Quotient]
  ) throws(MathematicsError) -> ComplexEnclosure {
    guard let first = arguments.first else { throw .undefined }
    try budget.spend(Self.functionCost)
    let x = try enclosure(of: first)
    switch name {
    case "ln": return ComplexEnclosure(real: try x.logarithm(), imaginary: .zero)
    case "abs": return ComplexEnclosure(real: x.sign == -1 ? -x : x, imaginary: .zero)
    default: throw .undefined
    }
  }
}

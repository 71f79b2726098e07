/// A fraction in lowest terms with a positive denominator.
struct Rational: Equatable, Sendable {
  let numerator: Integer
  let denominator: Integer

  static let zero = Rational(0)
  static let one = Rational(1)

  init(_ value: Int) {
    numerator = Integer(value)
    denominator = Integer(1)
  }

  init(_ value: Integer) {
    numerator = value
    denominator = Integer(1)
  }

  /// `denominator` is not 0.
  init(_ numerator: Integer, over denominator: Integer) {
    precondition(!denominator.isZero, "a fraction has the denominator 0")
    if denominator.isOne {
      self.numerator = numerator
      self.denominator = denominator
      return
    }
    let divisor = Integer.gcd(numerator, denominator)
    let sign = denominator.isNegative ? -divisor : divisor
    if sign.isOne {
      self.numerator = numerator
      self.denominator = denominator
    } else {
      self.numerator = numerator.divided(by: sign).quotient
      self.denominator = denominator.divided(by: sign).quotient
    }
  }

  /// Size in words, for the budget.
  var words: Int { numerator.words + denominator.words }
  var isZero: Bool { numerator.isZero }
  var isOne: Bool { numerator.isOne && denominator.isOne }
  var isWhole: Bool { denominator.isOne }
  var isNegative: Bool { numerator.isNegative }
  var magnitude: Rational { isNegative ? -self : self }
  /// The value, if it is a whole number in a machine word.
  var word: Int? { isWhole ? numerator.word : nil }
  /// Rounded down.
  var floor: Integer { numerator.divided(by: denominator).quotient }

  static prefix func - (a: Rational) -> Rational {
    Rational(unchecked: -a.numerator, a.denominator)
  }

  private init(unchecked numerator: Integer, _ denominator: Integer) {
    self.numerator = numerator
    self.denominator = denominator
  }

  static func + (a: Rational, b: Rational) -> Rational {
    if a.isWhole, b.isWhole { return Rational(a.numerator + b.numerator) }
    return Rational(
      a.numerator * b.denominator + b.numerator * a.denominator,
      over: a.denominator * b.denominator)
  }

  static func - (a: Rational, b: Rational) -> Rational { a + -b }

  static func * (a: Rational, b: Rational) -> Rational {
    Rational(a.numerator * b.numerator, over: a.denominator * b.denominator)
  }

  /// `b` is not 0.
  static func / (a: Rational, b: Rational) -> Rational {
    Rational(a.numerator * b.denominator, over: a.denominator * b.numerator)
  }

  static func < (a: Rational, b: Rational) -> Bool {
    a.numerator * b.denominator < b.numerator * a.denominator
  }

  /// Not of 0 with a negative exponent; the caller has bounded the size of the result.
  func power(_ exponent: Int) -> Rational {
    let (a, b) = (numerator.power(abs(exponent)), denominator.power(abs(exponent)))
    return exponent < 0 ? Rational(b, over: a) : Rational(unchecked: a, b)
  }
}

/// The exponent of an atom: a small fraction in lowest terms with a positive denominator.
struct Exponent: Equatable, Sendable {
  let numerator: Int
  let denominator: Int

  static let one = Exponent(1)
  static let zero = Exponent(0)

  init(_ whole: Int) {
    numerator = whole
    denominator = 1
  }

  init(_ numerator: Int, over denominator: Int) throws(MathematicsError) {
    var (a, b) = (abs(numerator), denominator)
    while b != 0 { (a, b) = (b, a % b) }
    self.numerator = numerator / a
    self.denominator = denominator / a
    // Products of two such stay far within a machine word.
    guard abs(self.numerator) <= Limits.exponent, self.denominator <= Limits.exponent else {
      throw .budget
    }
  }

  init(_ value: Rational) throws(MathematicsError) {
    guard let a = value.numerator.word, let b = value.denominator.word,
      abs(a) <= Limits.exponent, b <= Limits.exponent
    else { throw .budget }
    numerator = a
    denominator = b
  }

  var isZero: Bool { numerator == 0 }
  var isOne: Bool { numerator == 1 && denominator == 1 }
  var isWhole: Bool { denominator == 1 }
  var rational: Rational { Rational(Integer(numerator), over: Integer(denominator)) }
  /// Rounded down.
  var floor: Int {
    numerator >= 0 ? numerator / denominator : -((denominator - 1 - numerator) / denominator)
  }

  func plus(_ other: Exponent) throws(MathematicsError) -> Exponent {
    if isWhole, other.isWhole { return try Exponent(numerator + other.numerator, over: 1) }
    return try Exponent(
      numerator * other.denominator + other.numerator * denominator,
      over: denominator * other.denominator)
  }

  func times(_ other: Exponent) throws(MathematicsError) -> Exponent {
    try Exponent(numerator * other.numerator, over: denominator * other.denominator)
  }

  func isLess(than other: Exponent) -> Bool {
    numerator * other.denominator < other.numerator * denominator
  }
}

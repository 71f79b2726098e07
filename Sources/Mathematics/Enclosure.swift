/// A real number between `middle - radius` and `middle + radius`, both in units of 2^-256.
///
/// Used where the exact forms leave a question open: which of two irrational numbers is larger,
/// whether an irrational number rounds to a decimal, and whether two numbers with nested roots or
/// function values are the same. All but the last is proof. The last takes two numbers that agree to
/// 60 digits for the same: answers have some dozens of digits, so that a coincidence of that length
/// would have to be constructed from a closed form that nobody knows. It is integer arithmetic
/// throughout: no machine's floating point has a say in a verdict.
struct Enclosure {
  static let bits = 256
  /// Half of the size limit of numbers, so that products stay within it.
  private static let largestBits = 2_048

  let middle: Integer
  /// At least 0.
  let radius: Integer

  static let zero = Enclosure(middle: Integer(0), radius: Integer(0))
  static let one = Enclosure(middle: Integer(1).shifted(by: bits), radius: Integer(0))

  init(middle: Integer, radius: Integer) {
    self.middle = middle
    self.radius = radius
  }

  init(_ value: Rational) {
    let (quotient, remainder) = value.numerator.shifted(by: Self.bits).divided(
      by: value.denominator)
    self.init(middle: quotient, radius: Integer(remainder.isZero ? 0 : 1))
  }

  var excludesZero: Bool { radius < middle.magnitude }

  /// Within 2^-200 of 0, known to at least that.
  var isPracticallyZero: Bool {
    (middle.magnitude + radius).bitWidth <= Self.bits - 200
  }

  /// 1 or -1; nil where both are possible.
  var sign: Int? { excludesZero ? (middle.isNegative ? -1 : 1) : nil }

  /// The largest whole number below, if it is certain.
  var floor: Integer? {
    let low = (middle - radius).shifted(by: -Self.bits)
    return low == (middle + radius).shifted(by: -Self.bits) ? low : nil
  }

  static prefix func - (a: Enclosure) -> Enclosure {
    Enclosure(middle: -a.middle, radius: a.radius)
  }

  static func + (a: Enclosure, b: Enclosure) -> Enclosure {
    Enclosure(middle: a.middle + b.middle, radius: a.radius + b.radius)
  }

  static func - (a: Enclosure, b: Enclosure) -> Enclosure { a + -b }

  static func * (a: Enclosure, b: Enclosure) -> Enclosure {
    let spread =
      a.middle.magnitude * b.radius + b.middle.magnitude * a.radius + a.radius * b.radius
    return Enclosure(
      middle: (a.middle * b.middle).shifted(by: -bits),
      radius: spread.shifted(by: -bits) + Integer(2))
  }

  func scaled(by factor: Int) -> Enclosure {
    Enclosure(middle: middle * Integer(factor), radius: radius * Integer(abs(factor)))
  }

  func divided(by divisor: Int) -> Enclosure {
    Enclosure(
      middle: middle.divided(by: Integer(divisor)).quotient,
      radius: radius.divided(by: Integer(abs(divisor))).quotient + Integer(2))
  }

  /// 1/x.
  func inverse() throws(MathematicsError) -> Enclosure {
    guard excludesZero else { throw .undefined }
    let unit = Integer(1).shifted(by: 2 * Self.bits)
    let near = middle.magnitude - radius
    let value = unit.divided(by: middle).quotient
    // |1/(m ± r) - 1/m| ≤ r / (|m| (|m| - r))
    let spread = radius.shifted(by: 2 * Self.bits).divided(by: near * middle.magnitude).quotient
    return Enclosure(middle: value, radius: spread + Integer(2))
  }

  /// √x; of what is below 0 only by its radius, about 0.
  func squareRoot() throws(MathematicsError) -> Enclosure {
    let low = middle - radius
    let high = middle + radius
    guard !high.isNegative else { throw .undefined }
    let top = high.shifted(by: Self.bits).squareRoot + Integer(1)
    let bottom = low.isNegative ? Integer(0) : low.shifted(by: Self.bits).squareRoot
    let center = (top + bottom).shifted(by: -1)
    return Enclosure(middle: center, radius: top - bottom + Integer(1))
  }

  func checked() throws(MathematicsError) -> Enclosure {
    guard middle.bitWidth <= Self.largestBits, radius.bitWidth <= Self.largestBits else {
      throw .budget
    }
    return self
  }
}

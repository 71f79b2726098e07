/// A rational number of any size, compared exactly: sign, whole numerator and denominator.
///
/// Decimals are fractions with a power of ten below; nothing ever becomes a floating-point number.
struct ExactNumber {
  /// Digits of a fraction's part beyond which it is not read: comparing two fractions multiplies
  /// crosswise, with cost in the product of the lengths. Whole numbers and decimals are compared as
  /// digits, at linear cost and any length.
  static let fractionDigitLimit = 2_000

  private var isNegative: Bool
  /// Decimal digits of the numerator without leading zeros, and of the places behind the point
  /// without trailing ones; both empty: 0.
  private var whole: [UInt8]
  private var places: [UInt8]
  /// Decimal digits of the denominator without leading zeros; nil: 1.
  private var denominator: [UInt8]?

  var isZero: Bool { whole.isEmpty && places.isEmpty }

  /// - Parameters: ASCII digits before and behind the point, and of a denominator that is not 0.
  init?(isNegative: Bool, whole: [UInt8], places: [UInt8], denominator: [UInt8]? = nil) {
    self.whole = Array(whole.drop { $0 == UInt8(ascii: "0") })
    self.places = places
    while self.places.last == UInt8(ascii: "0") { self.places.removeLast() }
    self.isNegative = isNegative
    if let denominator {
      let digits = Array(denominator.drop { $0 == UInt8(ascii: "0") })
      guard !digits.isEmpty, places.isEmpty, self.whole.count <= Self.fractionDigitLimit,
        digits.count <= Self.fractionDigitLimit
      else { return nil }
      self.denominator = digits == [UInt8(ascii: "1")] ? nil : digits
    }
    if isZero { self.isNegative = false }
  }

  /// Whether both are the same number. Nil when a fraction meets a number too long to multiply.
  func equals(_ other: ExactNumber) -> Bool? {
    guard isNegative == other.isNegative else { return false }
    if denominator == nil, other.denominator == nil {
      return whole == other.whole && places == other.places
    }
    if isZero || other.isZero { return isZero && other.isZero }
    for number in [self, other] {
      guard number.whole.count + number.places.count <= Self.fractionDigitLimit else { return nil }
    }
    return Natural(digits: whole + places) * other.divisor
      == Natural(digits: other.whole + other.places) * divisor
  }

  /// What the digits, read as one whole number, are to be divided by.
  private var divisor: Natural {
    if let denominator { return Natural(digits: denominator) }
    return Natural(
      digits: [UInt8(ascii: "1")] + Array(repeating: UInt8(ascii: "0"), count: places.count))
  }
}

/// A whole number from 0, of any size.
struct Natural: Equatable {
  /// Nine decimal digits each, lowest first, without leading zeros.
  private var limbs: [UInt32]
  private static let base: UInt64 = 1_000_000_000

  /// - Parameter digits: ASCII digits, highest first.
  init(digits: [UInt8]) {
    limbs = []
    var end = digits.count
    while end > 0 {
      let start = max(0, end - 9)
      limbs.append(
        digits[start..<end].reduce(0) { $0 * 10 + UInt32($1 &- UInt8(ascii: "0")) })
      end = start
    }
    while limbs.last == 0 { limbs.removeLast() }
  }

  static func * (left: Natural, right: Natural) -> Natural {
    var product = [UInt32](repeating: 0, count: left.limbs.count + right.limbs.count)
    for (i, a) in left.limbs.enumerated() {
      var carry: UInt64 = 0
      for (j, b) in right.limbs.enumerated() {
        // At most (10^9 - 1)^2 + 2 * 10^9, well inside 64 bits.
        let sum = UInt64(a) * UInt64(b) + UInt64(product[i + j]) + carry
        product[i + j] = UInt32(sum % base)
        carry = sum / base
      }
      product[i + right.limbs.count] = UInt32(carry)
    }
    while product.last == 0 { product.removeLast() }
    var result = Natural(digits: [])
    result.limbs = product
    return result
  }
}

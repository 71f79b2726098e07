extension Equality {
  /// The readings of a number with a per cent sign: 50 and 1/2. One without has one.
  func scalars(_ gold: Scalar, _ answer: Scalar) throws(MathematicsError) -> EqualityKind? {
    if try numbers(gold, answer) {
      return algebra.isConstant(gold.value) ? .number : .symbolic
    }
    guard gold.isPercent != answer.isPercent, options.percentIsHundredth else { return nil }
    let (x, y) = (try hundredth(gold), try hundredth(answer))
    return try numbers(x, y) ? .number : nil
  }

  private func hundredth(_ scalar: Scalar) throws(MathematicsError) -> Scalar {
    guard scalar.isPercent else { return scalar }
    let part = Quotient(Rational(Integer(1), over: Integer(100)))
    return Scalar(
      value: try algebra.multiply(scalar.value, part), places: scalar.places.map { $0 + 2 })
  }

  private static let significantDigits = 4

  /// Exact equality, and the two ways in which decimals stand for other numbers:
  /// a decimal gold is met by what agrees with it to ``ComparisonOptions/roundingPlaces``;
  /// a gold that is a fraction or irrational is met by its decimal with at least so many places.
  /// Whole golds are met exactly.
  private func numbers(_ gold: Scalar, _ answer: Scalar) throws(MathematicsError) -> Bool {
    if try algebra.areEqual(gold.value, answer.value) { return true }
    guard gold.places != nil || answer.places != nil, algebra.isConstant(gold.value),
      algebra.isConstant(answer.value), !gold.value.isZero
    else { return false }
    let tolerance: Rational
    if gold.places != nil {
      // Half a unit of the last place.
      tolerance = Rational(
        Integer(1), over: Integer(2) * Integer(10).power(options.roundingPlaces))
    } else {
      guard let places = answer.places, places >= options.roundingPlaces, places <= 300,
        !(gold.value.constant?.isWhole ?? false)
      else { return false }
      // A unit: rounded or cut off.
      tolerance = Rational(Integer(1), over: Integer(10).power(places))
    }
    let difference = try algebra.absolute(try algebra.subtract(gold.value, answer.value))
    guard try isAtMost(difference, Quotient(tolerance)) else { return false }
    // A small number's places are no digits: 0.0000001 is not 0.0000002.
    let digits = min(options.roundingPlaces, Self.significantDigits)
    let share = Quotient(Rational(Integer(1), over: Integer(10).power(digits)))
    let significant = try algebra.multiply(try algebra.absolute(gold.value), share)
    return try isAtMost(difference, significant)
  }

  private func isAtMost(_ a: Quotient, _ b: Quotient) throws(MathematicsError) -> Bool {
    if let x = a.constant, let y = b.constant {
      try algebra.charge(x, y)
      return !(y < x)
    }
    guard let sign = try algebra.sign(of: try algebra.subtract(a, b)) else { return false }
    return sign <= 0
  }
}

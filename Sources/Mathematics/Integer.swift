/// A whole number of any size. Within 64 bits it is a machine word, beyond it is 32-bit words.
///
/// An own type rather than a package: the few operations needed here fit in two short files, small
/// numbers, which are nearly all, never touch the heap, and the cost of an operation follows from
/// ``words``, which is what the budget charges.
struct Integer: Equatable, Sendable {
  /// The value if `big` is nil (never `Int.min`), else its sign: 1 or -1.
  private var small: Int
  /// The magnitude, lowest word first, without leading zeros; only where the value passes `Int`.
  private var big: [UInt32]?

  init(_ value: Int) {
    // `Int.min` has no negative in a word: it is kept as words, so that each value has one form.
    small = value == Int.min ? -1 : value
    big = value == Int.min ? Magnitude(value.magnitude).words : nil
  }

  private init(isNegative: Bool, magnitude: Magnitude) {
    let words = magnitude.words
    let low = words.isEmpty ? 0 : UInt64(words[0])
    let value = low | (words.count == 2 ? UInt64(words[1]) << 32 : 0)
    if words.count <= 2, value <= UInt64(Int.max) {
      small = isNegative ? -Int(value) : Int(value)
      big = nil
    } else {
      small = isNegative ? -1 : 1
      big = words
    }
  }

  /// ASCII digits; cost in the square of their number.
  init(digits: some Sequence<UInt8>) {
    var result = Magnitude(words: [])
    var (chunk, factor) = (UInt32(0), UInt32(1))
    for digit in digits {
      chunk = chunk * 10 + UInt32(digit & 0x0F)
      factor *= 10
      if factor == 1_000_000_000 {
        result.multiply(by: factor, adding: chunk)
        (chunk, factor) = (0, 1)
      }
    }
    if factor > 1 { result.multiply(by: factor, adding: chunk) }
    self.init(isNegative: false, magnitude: result)
  }

  /// Size in 32-bit words, at least 1.
  var words: Int { big?.count ?? 1 }
  var isZero: Bool { big == nil && small == 0 }
  var isOne: Bool { big == nil && small == 1 }
  var isNegative: Bool { small < 0 }
  var isOdd: Bool { big.map { $0[0] & 1 == 1 } ?? (small & 1 == 1) }
  /// The value, if it is a machine word.
  var word: Int? { big == nil ? small : nil }
  var bitWidth: Int {
    guard let big else { return Int.bitWidth - small.magnitude.leadingZeroBitCount }
    return big.count * 32 - (big.last?.leadingZeroBitCount ?? 0)
  }

  var magnitude: Integer { isNegative ? -self : self }

  private var parts: Magnitude {
    if let big { return Magnitude(words: big) }
    return Magnitude(small.magnitude)
  }

  static prefix func - (a: Integer) -> Integer {
    if a.big == nil { return Integer(-a.small) }
    return Integer(isNegative: !a.isNegative, magnitude: a.parts)
  }

  static func + (a: Integer, b: Integer) -> Integer {
    if a.big == nil, b.big == nil {
      let (sum, overflow) = a.small.addingReportingOverflow(b.small)
      if !overflow { return Integer(sum) }
    }
    let (x, y) = (a.parts, b.parts)
    if a.isNegative == b.isNegative {
      return Integer(isNegative: a.isNegative, magnitude: x.adding(y))
    }
    return x < y
      ? Integer(isNegative: b.isNegative, magnitude: y.subtracting(x))
      : Integer(isNegative: a.isNegative, magnitude: x.subtracting(y))
  }

  static func - (a: Integer, b: Integer) -> Integer { a + -b }

  static func * (a: Integer, b: Integer) -> Integer {
    if a.big == nil, b.big == nil {
      let (product, overflow) = a.small.multipliedReportingOverflow(by: b.small)
      if !overflow { return Integer(product) }
    }
    return Integer(isNegative: a.isNegative != b.isNegative, magnitude: a.parts.times(b.parts))
  }

  /// Rounded down, so that the remainder has the sign of `divisor`, which is not 0.
  func divided(by divisor: Integer) -> (quotient: Integer, remainder: Integer) {
    precondition(!divisor.isZero, "an integer is divided by 0")
    if big == nil, divisor.big == nil {
      let (q, r) = small.quotientAndRemainder(dividingBy: divisor.small)
      if r != 0, (r < 0) != (divisor.small < 0) {
        return (Integer(q - 1), Integer(r + divisor.small))
      }
      return (Integer(q), Integer(r))
    }
    let (q, r) = parts.divided(by: divisor.parts)
    let quotient = Integer(isNegative: isNegative != divisor.isNegative, magnitude: q)
    let remainder = Integer(isNegative: isNegative, magnitude: r)
    if !remainder.isZero, remainder.isNegative != divisor.isNegative {
      return (quotient - Integer(1), remainder + divisor)
    }
    return (quotient, remainder)
  }

  static func < (a: Integer, b: Integer) -> Bool {
    if a.big == nil, b.big == nil { return a.small < b.small }
    if a.isNegative != b.isNegative { return a.isNegative }
    return a.isNegative ? b.parts < a.parts : a.parts < b.parts
  }

  /// `count` may be negative: then the value is divided and rounded down.
  func shifted(by count: Int) -> Integer {
    if isZero || count == 0 { return self }
    if count > 0, big == nil, count < small.magnitude.leadingZeroBitCount - 1 {
      return Integer(small << count)
    }
    if count < 0, big == nil { return Integer(small >> min(-count, 63)) }
    if count > 0 {
      return Integer(isNegative: isNegative, magnitude: parts.shifted(left: count))
    }
    guard isNegative else {
      return Integer(isNegative: false, magnitude: parts.shifted(right: -count))
    }
    // Down, not towards 0.
    return -(((-self) + Integer(1).shifted(by: -count) - Integer(1)).shifted(by: count))
  }

  /// The greatest common divisor, at least 0.
  static func gcd(_ a: Integer, _ b: Integer) -> Integer {
    var (a, b) = (a.magnitude, b.magnitude)
    while !b.isZero {
      if let x = a.word, let y = b.word { return Integer(wordGCD(x, y)) }
      (a, b) = (b, a.divided(by: b).remainder)
    }
    return a
  }

  private static func wordGCD(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }

  /// `exponent` from 0; the caller has bounded the size of the result.
  func power(_ exponent: Int) -> Integer {
    var (result, base, rest) = (Integer(1), self, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = result * base }
      rest >>= 1
      if rest > 0 { base = base * base }
    }
    return result
  }

  /// The largest integer whose square is at most this one, which is not negative.
  var squareRoot: Integer {
    if isZero { return self }
    var guess = Integer(1).shifted(by: (bitWidth + 1) / 2)
    while true {
      let next = (guess + divided(by: guess).quotient).shifted(by: -1)
      if !(next < guess) { return guess }
      guess = next
    }
  }
}

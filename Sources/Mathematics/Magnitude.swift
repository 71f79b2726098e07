/// A whole number from 0 as 32-bit words, lowest first, without leading zeros. Schoolbook methods:
/// the numbers are bounded by ``Limits``.
struct Magnitude {
  private(set) var words: [UInt32]

  init(words: [UInt32]) { self.words = words }

  init(_ value: UInt) {
    words = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
    trim()
  }

  private mutating func trim() {
    while words.last == 0 { words.removeLast() }
  }

  static func < (a: Magnitude, b: Magnitude) -> Bool {
    if a.words.count != b.words.count { return a.words.count < b.words.count }
    for index in a.words.indices.reversed() where a.words[index] != b.words[index] {
      return a.words[index] < b.words[index]
    }
    return false
  }

  mutating func multiply(by factor: UInt32, adding term: UInt32) {
    var carry = UInt64(term)
    for index in words.indices {
      carry += UInt64(words[index]) * UInt64(factor)
      words[index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    if carry > 0 { words.append(UInt32(carry)) }
  }

  func adding(_ other: Magnitude) -> Magnitude {
    let (long, short) =
      words.count >= other.words.count ? (words, other.words) : (other.words, words)
    var result = long
    var carry: UInt64 = 0
    for index in long.indices {
      carry += UInt64(long[index]) + (index < short.count ? UInt64(short[index]) : 0)
      result[index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    if carry > 0 { result.append(UInt32(carry)) }
    return Magnitude(words: result)
  }

  /// `other` is not larger.
  func subtracting(_ other: Magnitude) -> Magnitude {
    var result = self
    var borrow: Int64 = 0
    for index in words.indices {
      let part = index < other.words.count ? Int64(other.words[index]) : 0
      let difference = Int64(words[index]) - part - borrow
      borrow = difference < 0 ? 1 : 0
      result.words[index] = UInt32(truncatingIfNeeded: difference)
    }
    result.trim()
    return result
  }

  func times(_ other: Magnitude) -> Magnitude {
    if words.isEmpty || other.words.isEmpty { return Magnitude(words: []) }
    var result = [UInt32](repeating: 0, count: words.count + other.words.count)
    for (low, word) in words.enumerated() {
      var carry: UInt64 = 0
      for (high, factor) in other.words.enumerated() {
        carry += UInt64(word) * UInt64(factor) + UInt64(result[low + high])
        result[low + high] = UInt32(truncatingIfNeeded: carry)
        carry >>= 32
      }
      result[low + other.words.count] = UInt32(carry)
    }
    var product = Magnitude(words: result)
    product.trim()
    return product
  }

  func shifted(left count: Int) -> Magnitude {
    let (whole, bits) = (count / 32, count % 32)
    var result = [UInt32](repeating: 0, count: whole)
    var carry: UInt64 = 0
    for word in words {
      carry |= UInt64(word) << UInt64(bits)
      result.append(UInt32(truncatingIfNeeded: carry))
      carry >>= 32
    }
    result.append(UInt32(carry))
    var shifted = Magnitude(words: result)
    shifted.trim()
    return shifted
  }

  func shifted(right count: Int) -> Magnitude {
    let (whole, bits) = (count / 32, count % 32)
    guard whole < words.count else { return Magnitude(words: []) }
    var result: [UInt32] = []
    for index in whole..<words.count {
      let high = index + 1 < words.count ? UInt64(words[index + 1]) : 0
      let pair = UInt64(words[index]) | high << 32
      result.append(UInt32(truncatingIfNeeded: pair >> UInt64(bits)))
    }
    var shifted = Magnitude(words: result)
    shifted.trim()
    return shifted
  }

  /// `divisor` is not 0. Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D.
  func divided(by divisor: Magnitude) -> (quotient: Magnitude, remainder: Magnitude) {
    if self < divisor { return (Magnitude(words: []), self) }
    if divisor.words.count == 1 { return dividedByWord(divisor.words[0]) }
    let shift = divisor.words[divisor.words.count - 1].leadingZeroBitCount
    let v = divisor.shifted(left: shift).words
    var u = shifted(left: shift).words
    while u.count < words.count + 1 { u.append(0) }
    let n = v.count
    var quotient = [UInt32](repeating: 0, count: u.count - n)
    for j in (0..<quotient.count).reversed() {
      let top = UInt64(u[j + n]) << 32 | UInt64(u[j + n - 1])
      var guess = top / UInt64(v[n - 1])
      var rest = top % UInt64(v[n - 1])
      while guess >> 32 != 0 || guess * UInt64(v[n - 2]) > rest << 32 | UInt64(u[j + n - 2]) {
        guess -= 1
        rest += UInt64(v[n - 1])
        if rest >> 32 != 0 { break }
      }
      if Self.subtract(guess, times: v, from: &u, at: j) { guess -= 1 }
      quotient[j] = UInt32(guess)
    }
    var (q, r) = (Magnitude(words: quotient), Magnitude(words: Array(u[..<n])))
    q.trim()
    r.trim()
    return (q, r.shifted(right: shift))
  }

  /// Takes `guess · v` from `u` at `place`; if that was once too much, gives `v` back and says so.
  private static func subtract(
    _ guess: UInt64, times v: [UInt32], from u: inout [UInt32], at place: Int
  ) -> Bool {
    var (borrow, carry): (Int64, UInt64) = (0, 0)
    for index in 0...v.count {
      let product = (index < v.count ? guess * UInt64(v[index]) : 0) + carry
      carry = product >> 32
      let difference = Int64(u[place + index]) - borrow - Int64(product & 0xFFFF_FFFF)
      u[place + index] = UInt32(truncatingIfNeeded: difference)
      borrow = difference < 0 ? 1 : 0
    }
    guard borrow != 0 else { return false }
    var sum: UInt64 = 0
    for index in 0...v.count {
      sum += UInt64(u[place + index]) + (index < v.count ? UInt64(v[index]) : 0)
      u[place + index] = UInt32(truncatingIfNeeded: sum)
      sum >>= 32
    }
    return true
  }

  private func dividedByWord(_ divisor: UInt32) -> (quotient: Magnitude, remainder: Magnitude) {
    var quotient = words
    var rest: UInt64 = 0
    for index in words.indices.reversed() {
      rest = rest << 32 | UInt64(words[index])
      quotient[index] = UInt32(rest / UInt64(divisor))
      rest %= UInt64(divisor)
    }
    var result = Magnitude(words: quotient)
    result.trim()
    return (result, Magnitude(UInt(rest)))
  }
}

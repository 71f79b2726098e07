/// Elementary functions by their series, in integer arithmetic.
extension Enclosure {
  /// π = 16 arctan(1/5) - 4 arctan(1/239) (Machin).
  static let pi = arctangent(oneOver: 5).scaled(by: 16) - arctangent(oneOver: 239).scaled(by: 4)

  /// ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749).
  static let ln2 =
    artanh(oneOver: 26).scaled(by: 18) - artanh(oneOver: 4801).scaled(by: 2)
    + artanh(oneOver: 8749).scaled(by: 8)

  private static func arctangent(oneOver n: Int) -> Enclosure { odd(oneOver: n, sign: -1) }
  private static func artanh(oneOver n: Int) -> Enclosure { odd(oneOver: n, sign: 1) }

  /// Σ sign^k / ((2k+1) n^(2k+1)).
  private static func odd(oneOver n: Int, sign: Int) -> Enclosure {
    var power = Integer(1).shifted(by: bits).divided(by: Integer(n)).quotient
    var sum = Integer(0)
    var (k, factor) = (0, 1)
    while !power.isZero {
      sum = sum + Integer(factor) * power.divided(by: Integer(2 * k + 1)).quotient
      power = power.divided(by: Integer(n * n)).quotient
      k += 1
      factor *= sign
    }
    // Each step rounds at most twice, by less than 2 units together.
    return Enclosure(middle: sum, radius: Integer(3 * k + 3))
  }

  /// e^x.
  func exponential() throws(MathematicsError) -> Enclosure {
    // x = n ln 2 + r with |r| < 1.
    let shift = middle.divided(by: Self.ln2.middle).quotient
    guard let n = shift.word, abs(n) < 1_000, radius.bitWidth <= Self.bits else { throw .budget }
    let rest = self - Self.ln2.scaled(by: n)
    let (sum, _) = rest.series(step: 1)
    if n >= 0 {
      return Enclosure(middle: sum.middle.shifted(by: n), radius: sum.radius.shifted(by: n))
    }
    return Enclosure(
      middle: sum.middle.shifted(by: n), radius: sum.radius.shifted(by: n) + Integer(1))
  }

  /// cos x and sin x.
  func circular() throws(MathematicsError) -> (cosine: Enclosure, sine: Enclosure) {
    let half = Self.pi.divided(by: 2)
    let turns = (middle + half.middle.shifted(by: -1)).divided(by: half.middle).quotient
    guard let n = turns.word, abs(n) < 1 << 40, radius.bitWidth <= Self.bits else { throw .budget }
    let rest = self - half.scaled(by: n)
    let (cosine, sine) = rest.series(step: -1)
    switch n & 3 {
    case 0: return (cosine, sine)
    case 1: return (-sine, cosine)
    case 2: return (-cosine, -sine)
    default: return (sine, -cosine)
    }
  }

  /// Of |x| below 1.6. `step` 1: Σ x^k/k! twice; -1: the cosine's and the sine's series.
  private func series(step: Int) -> (Enclosure, Enclosure) {
    var power = Enclosure.one
    var (even, odd) = (Enclosure.zero, Enclosure.zero)
    var k = 0
    while power.middle.magnitude.bitWidth > 1, k < 200 {
      let sign = step == 1 || k & 2 == 0 ? 1 : -1
      if k & 1 == 0 {
        even = even + power.scaled(by: sign)
      } else {
        odd = odd + power.scaled(by: sign)
      }
      k += 1
      power = (power * self).divided(by: k)
    }
    // What is left out is less than twice its first term.
    let tail = power.middle.magnitude + power.radius + Integer(2)
    let slack = Enclosure(middle: Integer(0), radius: tail.shifted(by: 1))
    return step == 1 ? (even + odd + slack, .zero) : (even + slack, odd + slack)
  }

  /// ln x of a positive x, by Newton's method on e^y and one enclosure of its error.
  func logarithm() throws(MathematicsError) -> Enclosure {
    guard sign == 1 else { throw .undefined }
    // x = 2^n m with m in [1/2, 1); ln m = -2 artanh((1-m)/(1+m)), |…| ≤ 1/3.
    let n = middle.bitWidth - Self.bits
    let m =
      n >= 0
      ? Enclosure(middle: middle.shifted(by: -n), radius: radius.shifted(by: -n) + Integer(1))
      : Enclosure(middle: middle.shifted(by: -n), radius: radius.shifted(by: -n))
    let z = (Self.one - m) * (try (Self.one + m).inverse())
    let square = z * z
    var (power, sum, k) = (z, Enclosure.zero, 1)
    while power.middle.magnitude.bitWidth > 1, k < 400 {
      sum = sum + power.divided(by: k)
      power = power * square
      k += 2
    }
    let tail = power.middle.magnitude + power.radius + Integer(2)
    let slack = Enclosure(middle: Integer(0), radius: tail.shifted(by: 1))
    return Self.ln2.scaled(by: n) - (sum + slack).scaled(by: 2)
  }
}

/// Linear equations with one unknown and a whole solution; the constants are taken away one by one,
/// then comes the division.
///
/// Level 1 `eqn x+5=43`, 2 `3x+5=26`, 3 `3x+5+2=28`, 4 `7x+5=4x+26`, 5 `7x+5+2=4x+28`. Level 4:
/// `7-4=3`, `26-5=21`, `21/3=7`, `#### 7`.
struct LinearEquationProblem: LadderProblem {
  let solution: Int
  /// Coefficients of the unknown on the left and on the right (0: absent).
  let left: Int
  let right: Int
  /// Constants on the left.
  let constants: [Int]

  /// Coefficients on both sides whose difference is at least 2.
  private static let pairs: [(left: Int, right: Int)] = (3...9).flatMap { left in
    (1...left - 2).map { (left, $0) }
  }

  static func count(level: Int) -> UInt64 {
    switch level {
    case 1: 80 * 9
    case 2: 8 * 8 * 9
    case 3: 8 * 8 * 9 * 9
    case 4: 8 * UInt64(pairs.count) * 9
    default: 8 * UInt64(pairs.count) * 9 * 9
    }
  }

  init(level: Int, index: UInt64) {
    var radix = MixedRadix(index)
    solution = radix.next(level == 1 ? 10...89 : 2...9)
    switch level {
    case 1: (left, right) = (1, 0)
    case 2, 3: (left, right) = (radix.next(2...9), 0)
    default: (left, right) = Self.pairs[radix.next(0...Self.pairs.count - 1)]
    }
    constants = radix.next(count: level == 3 || level == 5 ? 2 : 1, 1...9)
  }

  private var coefficient: Int { left - right }
  private var total: Int { coefficient * solution + constants.reduce(0, +) }

  var canonical: [Int] { [left, right, solution] + constants.sorted() }

  var question: String {
    let term = { (count: Int) in count == 1 ? "x" : "\(count)x" }
    let sum = constants.map { "+\($0)" }.joined()
    return "\(term(left))\(sum)=" + (right > 0 ? "\(term(right))+" : "") + "\(total)"
  }

  var slips: Int { constants.count + (coefficient > 1 ? 1 : 0) }

  func work(slip: Int?) -> LadderWork {
    var lines: [String] = []
    if right > 0 { lines.append("\(left)-\(right)=\(coefficient)") }
    var value = total
    for (step, constant) in constants.reversed().enumerated() {
      // A slip is off by the coefficient, so that the division after it still comes out even.
      let rest = value - constant + (step == slip ? coefficient : 0)
      lines.append("\(value)-\(constant)=\(rest)")
      value = rest
    }
    if coefficient > 1 {
      let quotient = value / coefficient + (slip == constants.count ? 1 : 0)
      lines.append("\(value)/\(coefficient)=\(quotient)")
      value = quotient
    }
    return LadderWork(lines: lines, answer: "\(value)")
  }
}

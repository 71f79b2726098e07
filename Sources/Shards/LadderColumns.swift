// Addition, subtraction and multiplication by one digit: column by column from the lowest, one line
// each, with the carry or borrow written out.

/// Digits of the first operand by level; at level 1 the second operand has one digit.
private let digitsByLevel = [2, 2, 3, 4, 5]

/// The numbers with that many digits.
private func numbers(digits: Int) -> ClosedRange<Int> {
  let low = Int(power(10, digits - 1))
  return low...10 * low - 1
}

/// `add 47+85` → `7+5+0=12`, `4+8+1=13`, `#### 132`: the carry is the tens digit of the line before.
struct AdditionProblem: LadderProblem {
  let left: Int
  let right: Int
  let digits: Int

  static func count(level: Int) -> UInt64 {
    let numbers = UInt64(numbers(digits: digitsByLevel[level - 1]).count)
    return level == 1 ? numbers * 9 : numbers * numbers
  }

  init(level: Int, index: UInt64) {
    digits = digitsByLevel[level - 1]
    var radix = MixedRadix(index)
    left = radix.next(numbers(digits: digits))
    right = radix.next(level == 1 ? 1...9 : numbers(digits: digits))
  }

  var canonical: [Int] { [min(left, right), max(left, right)] }
  var question: String { "\(left)+\(right)" }
  var slips: Int { digits }

  func work(slip: Int?) -> LadderWork {
    var lines: [String] = []
    var answer = 0
    var carry = 0
    var place = 1
    for (column, (a, b)) in zip(columns(left, count: digits), columns(right, count: digits))
      .enumerated()
    {
      let sum = a + b + carry + (column == slip ? 1 : 0)
      lines.append("\(a)+\(b)+\(carry)=\(twoDigits(sum))")
      answer += sum % 10 * place
      carry = sum / 10
      place *= 10
    }
    return LadderWork(lines: lines, answer: "\(answer + carry * place)")
  }
}

/// `sub 83-47` → `3-7-0=6b1`, `8-4-1=3b0`, `#### 36`: digit, `b`, and what the next column lends.
struct SubtractionProblem: LadderProblem {
  let left: Int
  let right: Int
  let digits: Int

  static func count(level: Int) -> UInt64 {
    let numbers = UInt64(numbers(digits: digitsByLevel[level - 1]).count)
    return level == 1 ? numbers * 9 : numbers * (numbers + 1) / 2
  }

  init(level: Int, index: UInt64) {
    digits = digitsByLevel[level - 1]
    let range = numbers(digits: digits)
    var radix = MixedRadix(index)
    guard level > 1 else {
      left = radix.next(range)
      right = radix.next(1...9)
      return
    }
    // The triangle left >= right as a rectangle: its row r (n - r pairs) and its row n - 1 - r
    // (r + 1 pairs) make one row of n + 1. n is even.
    let n = range.count
    let column = radix.next(0...n)
    let row = radix.next(0...n / 2 - 1)
    if column < n - row {
      (left, right) = (range.lowerBound + row + column, range.lowerBound + row)
    } else {
      let mirrored = n - 1 - row
      left = range.lowerBound + mirrored + column - (n - row)
      right = range.lowerBound + mirrored
    }
  }

  var canonical: [Int] { [left, right] }
  var question: String { "\(left)-\(right)" }
  var slips: Int { digits }

  func work(slip: Int?) -> LadderWork {
    var lines: [String] = []
    var answer = 0
    var borrow = 0
    var place = 1
    for (column, (a, b)) in zip(columns(left, count: digits), columns(right, count: digits))
      .enumerated()
    {
      let difference = a - b - borrow
      let lent = difference < 0 ? 1 : 0
      let digit = (difference + 10 * lent + (column == slip ? 1 : 0)) % 10
      lines.append("\(a)-\(b)-\(borrow)=\(digit)b\(lent)")
      answer += digit * place
      borrow = lent
      place *= 10
    }
    return LadderWork(lines: lines, answer: "\(answer)")
  }
}

/// `mul 47*8` → `7*8+0=56`, `4*8+5=37`, `#### 376`: the carry is the tens digit of the line before.
struct MultiplicationProblem: LadderProblem {
  let left: Int
  let right: Int
  let digits: Int

  /// Digits of the first factor and range of the second, by level.
  private static let shapes: [(digits: Int, factor: ClosedRange<Int>)] = [
    (2, 2...9), (3, 2...5), (3, 6...9), (4, 2...9), (5, 2...9),
  ]

  static func count(level: Int) -> UInt64 {
    let shape = shapes[level - 1]
    return UInt64(numbers(digits: shape.digits).count * shape.factor.count)
  }

  init(level: Int, index: UInt64) {
    let shape = Self.shapes[level - 1]
    digits = shape.digits
    var radix = MixedRadix(index)
    left = radix.next(numbers(digits: digits))
    right = radix.next(shape.factor)
  }

  var canonical: [Int] { [min(left, right), max(left, right)] }
  var question: String { "\(left)*\(right)" }
  var slips: Int { digits }

  func work(slip: Int?) -> LadderWork {
    var lines: [String] = []
    var answer = 0
    var carry = 0
    var place = 1
    for (column, a) in columns(left, count: digits).enumerated() {
      let product = a * right + carry + (column == slip ? 1 : 0)
      lines.append("\(a)*\(right)+\(carry)=\(twoDigits(product))")
      answer += product % 10 * place
      carry = product / 10
      place *= 10
    }
    return LadderWork(lines: lines, answer: "\(answer + carry * place)")
  }
}

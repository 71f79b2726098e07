// Running sums and modular chains: a value is carried from line to line, one operand each.

/// `run 17+5+8` → `17+5=22`, `22+8=30`, `#### 30`: level + 1 additions of one digit, never over 99.
struct RunningSumProblem: LadderProblem {
  let start: Int
  let terms: [Int]

  static func count(level: Int) -> UInt64 { 36 * power(9, level + 1) }

  init(level: Int, index: UInt64) {
    var radix = MixedRadix(index)
    start = radix.next(10...45)
    terms = radix.next(count: level + 1, 1...9)
  }

  var canonical: [Int] { [start] + terms.sorted() }
  var question: String { ([start] + terms).map(String.init).joined(separator: "+") }
  var slips: Int { terms.count }

  func work(slip: Int?) -> LadderWork {
    var lines: [String] = []
    var total = start
    for (step, term) in terms.enumerated() {
      let sum = total + term + (step == slip ? 1 : 0)
      lines.append("\(total)+\(term)=\(sum)")
      total = sum
    }
    return LadderWork(lines: lines, answer: "\(total)")
  }
}

/// `mod 7:4 *3 +5` → `4*3=12=5`, `5+5=10=3`, `#### 3`: level + 1 operations from left to right, the
/// result of each in full, then its remainder.
struct ModularChainProblem: LadderProblem {
  enum Operation: Int {
    case add = 0
    case multiply = 1

    var symbol: String { self == .add ? "+" : "*" }
    func apply(_ value: Int, _ operand: Int) -> Int {
      self == .add ? value + operand : value * operand
    }
  }

  private static let moduli = [5, 7, 9]

  let modulus: Int
  let start: Int
  let steps: [(operation: Operation, operand: Int)]

  static func count(level: Int) -> UInt64 { 3 * 8 * power(16, level + 1) }

  init(level: Int, index: UInt64) {
    var radix = MixedRadix(index)
    modulus = Self.moduli[radix.next(0...2)]
    start = radix.next(2...9)
    var steps: [(Operation, Int)] = []
    for _ in 0...level {
      let operation: Operation = radix.next(0...1) == 0 ? .add : .multiply
      steps.append((operation, radix.next(2...9)))
    }
    self.steps = steps
  }

  var canonical: [Int] {
    [modulus, start] + steps.flatMap { [$0.operation.rawValue, $0.operand] }
  }
  var question: String {
    "\(modulus):\(start)" + steps.map { " \($0.operation.symbol)\($0.operand)" }.joined()
  }
  var slips: Int { steps.count }

  func work(slip: Int?) -> LadderWork {
    var lines: [String] = []
    var value = start
    for (place, step) in steps.enumerated() {
      let full = step.operation.apply(value, step.operand)
      let remainder = (full + (place == slip ? 1 : 0)) % modulus
      lines.append(
        "\(value)\(step.operation.symbol)\(step.operand)=\(twoDigits(full))=\(remainder)")
      value = remainder
    }
    return LadderWork(lines: lines, answer: "\(value)")
  }
}

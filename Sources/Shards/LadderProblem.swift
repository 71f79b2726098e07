/// One question of a family, with its worked steps.
///
/// A level is a finite space of `count(level:)` different questions, numbered from 0; question
/// `index` is made from its number alone. The text is meant for a character-level model of a few
/// million weights: every step is one line whose right-hand side follows from its left-hand side
/// and whose left-hand side is copied from the prompt and the line before; lines of a family have
/// one width wherever that is possible, so that what is copied stands at a fixed distance.
protocol LadderProblem {
  /// How many questions the level has.
  static func count(level: Int) -> UInt64
  init(level: Int, index: UInt64)
  /// The operands in a form that questions with the same answer by commutation share; decides on
  /// which side of the train/test split the question lies.
  var canonical: [Int] { get }
  /// The question without its keyword.
  var question: String { get }
  /// How many places a slip can stand at; 0 if the family knows none.
  var slips: Int { get }
  /// The worked lines and the answer; with a slip, the step of that number goes wrong and all that
  /// follows is worked correctly from the wrong value.
  func work(slip: Int?) -> LadderWork
}

/// A worked solution.
struct LadderWork: Equatable {
  var lines: [String]
  var answer: String

  /// The demonstration: the lines, then `#### ANSWER`.
  var text: String { (lines + ["#### \(answer)"]).joined(separator: "\n") }
}

/// Takes the digits of a number in a changing radix, lowest first.
struct MixedRadix {
  private(set) var rest: UInt64

  init(_ number: UInt64) { rest = number }

  mutating func next(_ range: ClosedRange<Int>) -> Int {
    let (quotient, digit) = rest.quotientAndRemainder(dividingBy: UInt64(range.count))
    rest = quotient
    return range.lowerBound + Int(digit)
  }

  mutating func next(count: Int, _ range: ClosedRange<Int>) -> [Int] {
    (0..<count).map { _ in next(range) }
  }
}

/// base^exponent, for counting questions.
func power(_ base: UInt64, _ exponent: Int) -> UInt64 {
  (0..<exponent).reduce(1) { product, _ in product * base }
}

/// Two decimal digits: `05`, `13`.
func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

/// The decimal digits of a number, lowest first, with zeros up to `count`.
func columns(_ number: Int, count: Int) -> [Int] {
  var rest = number
  return (0..<count).map { _ in
    defer { rest /= 10 }
    return rest % 10
  }
}

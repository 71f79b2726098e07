// The two families out of distribution: a row of level + 2 digits from 1 to 9 (no zero, so that the
// answer is a number without leading zeros), first with commas, then as the answer.

/// `rev 482` → `2,8,4`, `#### 284`.
struct ReversalProblem: LadderProblem {
  let digits: [Int]

  static func count(level: Int) -> UInt64 { power(9, level + 2) }

  init(level: Int, index: UInt64) {
    var radix = MixedRadix(index)
    digits = radix.next(count: level + 2, 1...9)
  }

  // A row and its mirror image lie on one side.
  var canonical: [Int] {
    let mirrored = Array(digits.reversed())
    return mirrored.lexicographicallyPrecedes(digits) ? mirrored : digits
  }
  var question: String { digits.map(String.init).joined() }
  var slips: Int { 0 }

  func work(slip: Int?) -> LadderWork { LadderWork(listing: digits.reversed()) }
}

/// `srt 482` → `2,4,8`, `#### 248`.
struct SortingProblem: LadderProblem {
  let digits: [Int]

  static func count(level: Int) -> UInt64 { power(9, level + 2) }

  init(level: Int, index: UInt64) {
    var radix = MixedRadix(index)
    digits = radix.next(count: level + 2, 1...9)
  }

  // All orders of the same digits have one answer and lie on one side.
  var canonical: [Int] { digits.sorted() }
  var question: String { digits.map(String.init).joined() }
  var slips: Int { 0 }

  func work(slip: Int?) -> LadderWork { LadderWork(listing: digits.sorted()) }
}

extension LadderWork {
  fileprivate init(listing digits: [Int]) {
    let texts = digits.map(String.init)
    self.init(lines: [texts.joined(separator: ",")], answer: texts.joined())
  }
}

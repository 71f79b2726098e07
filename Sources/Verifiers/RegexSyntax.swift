/// A regular expression as a tree. Characters are Unicode scalars.
indirect enum RegexNode: Sendable {
  case empty
  case set(ScalarSet)
  case assertion(RegexAssertion)
  case sequence([RegexNode])
  /// The earlier alternative is preferred.
  case alternatives([RegexNode])
  /// `most` nil: without end. A lazy one prefers fewer.
  case repetition(RegexNode, least: Int, most: Int?, isLazy: Bool)
  /// Numbered from 1 by their opening brackets.
  case group(RegexNode, number: Int)
}

enum RegexAssertion: Sendable {
  case textStart
  case textEnd
  case lineStart
  case lineEnd
  case wordBoundary
  case noWordBoundary
}

/// Scalars in ascending ranges that do not touch, or all but those.
struct ScalarSet: Sendable, Equatable {
  private(set) var ranges: [ClosedRange<UInt32>] = []
  var isNegated = false

  static let digits = ScalarSet(["0"..."9"])
  static let word = ScalarSet(["0"..."9", "A"..."Z", "_"..."_", "a"..."z"])
  static let space = ScalarSet([
    "\t"..."\r", " "..." ", "\u{A0}"..."\u{A0}", "\u{1680}"..."\u{1680}", "\u{2000}"..."\u{200A}",
    "\u{2028}"..."\u{2029}", "\u{202F}"..."\u{202F}", "\u{205F}"..."\u{205F}",
    "\u{3000}"..."\u{3000}", "\u{FEFF}"..."\u{FEFF}",
  ])
  /// What `.` is without the flag `s`.
  static let lineBreaks = ScalarSet(["\n"..."\n", "\r"..."\r", "\u{2028}"..."\u{2029}"])

  init(_ ranges: [ClosedRange<Unicode.Scalar>] = []) {
    for range in ranges { insert(range.lowerBound.value...range.upperBound.value) }
  }

  init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

  func contains(_ scalar: UInt32) -> Bool {
    // Sets of a few ranges are the rule; long ones are searched by halves.
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
    }
    let isIn = low < ranges.count && ranges[low].lowerBound <= scalar
    return isIn != isNegated
  }

  mutating func insert(_ range: ClosedRange<UInt32>) {
    var (low, high) = (range.lowerBound, range.upperBound)
    var kept: [ClosedRange<UInt32>] = []
    for other in ranges {
      if other.upperBound &+ 1 < low || high &+ 1 < other.lowerBound {
        kept.append(other)
      } else {
        low = min(low, other.lowerBound)
        high = max(high, other.upperBound)
      }
    }
    kept.append(low...high)
    ranges = kept.sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Adds what another set holds.
  mutating func formUnion(_ other: ScalarSet) {
    for range in other.isNegated ? other.complement : other.ranges { insert(range) }
  }

  /// Adds the other case of the ASCII letters in it.
  mutating func foldCase() {
    for range in ranges {
      for (from, to) in [(UInt32(0x41), Int64(32)), (0x61, -32)] {
        let low = max(range.lowerBound, from)
        let high = min(range.upperBound, from + 25)
        guard low <= high else { continue }
        insert(UInt32(Int64(low) + to)...UInt32(Int64(high) + to))
      }
    }
  }

  private var complement: [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return result
  }
}

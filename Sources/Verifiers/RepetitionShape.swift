/// A penalty for repetition (arXiv 2502.03373, appendix C.2): (1 − distinct / all n-grams) ·
/// maximumPenalty; 0 for a response that has none.
struct RepetitionShape: RewardShape {
  enum Unit: String, Sendable, CaseIterable {
    /// Token ids, the stop token included.
    case tokens
    /// What stands between white space, in lower case.
    case words
  }

  /// From 1.
  let length: Int
  /// At most 0.
  let maximumPenalty: Double
  let unit: Unit

  func value(of response: JudgedResponse) -> Double? {
    switch unit {
    case .tokens: return response.response.tokens.map { penalty($0) }
    case .words: return penalty(Self.words(response.response.text))
    }
  }

  private func penalty(_ units: [Int32]) -> Double {
    let total = units.count - length + 1
    guard total > 0 else { return 0 }
    var distinct: Set<ArraySlice<Int32>> = []
    for start in 0..<total { distinct.insert(units[start..<start + length]) }
    return (1 - Double(distinct.count) / Double(total)) * maximumPenalty
  }

  /// The words as numbers, equal where they are.
  private static func words(_ text: String) -> [Int32] {
    var numbers: [Substring: Int32] = [:]
    return text.lowercased().split(whereSeparator: \.isWhitespace).map { word in
      let next = Int32(truncatingIfNeeded: numbers.count)
      let number = numbers[word] ?? next
      numbers[word] = number
      return number
    }
  }
}

/// Rewards for keeping to a format, by tags alone: nothing is said of what stands between them.
struct FormatShape: RewardShape {
  enum Rule: Sendable {
    /// The text begins with `<think>`, which does not occur again, and closes it.
    case think
    /// The text begins with `<think>` on a line, and `</think>` begins a later one.
    case hptThink
    /// `<think>`, `</think>`, `<answer>` and `</answer>` each on a line, in this order, from the begin;
    /// further lines may follow.
    case thinkAnswer
    /// A quarter for each of the four tags that occurs exactly once with its line end.
    case tagCount
    /// Steps (`Step 1:`, list items, `First,` …), a third each, at most 1.
    case reasoningSteps
  }

  let rule: Rule
  /// What the prompt's template wrote of the response.
  let prefix: String

  init(_ rule: Rule, prefix: String) {
    self.rule = rule
    self.prefix = prefix
  }

  func value(of response: JudgedResponse) -> Double? {
    let text = Bytes(prefix + response.response.text)
    switch rule {
    case .think: return isThink(text) ? 1 : 0
    case .hptThink: return Self.thinkEnd(text, "\n</think>") == nil ? 0 : 1
    case .thinkAnswer: return isThinkAnswer(text) ? 1 : 0
    case .tagCount:
      let tags: [StaticString] = ["<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"]
      return Double(tags.count { text.count($0) == 1 }) / 4
    case .reasoningSteps: return min(1, Double(Self.steps(text)) / 3)
    }
  }

  private func isThink(_ text: Bytes) -> Bool {
    guard text.starts(0, with: "<think>") else { return false }
    let rest = 7..<text.count
    return text.first("<think>", in: rest) == nil && text.first("</think>", in: rest) != nil
  }

  private func isThinkAnswer(_ text: Bytes) -> Bool {
    // The first place where the one block ends and the other begins leaves most for the rest.
    guard let place = Self.thinkEnd(text, "\n</think>\n<answer>\n") else { return false }
    var rest = place..<text.count
    while let end = text.first("\n</answer>", in: rest) {
      if end + 10 == text.count || text[end + 10] == UInt8(ascii: "\n") { return true }
      rest = end + 1..<text.count
    }
    return false
  }

  /// Where `mark`, which ends the think block that the text begins with, ends itself.
  private static func thinkEnd(_ text: Bytes, _ mark: StaticString) -> Int? {
    guard text.starts(0, with: "<think>\n") else { return nil }
    return text.first(mark, in: 8..<text.count).map { $0 + mark.utf8CodeUnitCount }
  }

  /// `Step 1:` anywhere, `1.` at the begin of the text, list items, and four words with a comma.
  private static func steps(_ text: Bytes) -> Int {
    var count = 0
    var place = 0
    let marks: [StaticString] = ["\n-", "\n*", "First,", "Second,", "Next,", "Finally,"]
    while place < text.count {
      if let mark = marks.first(where: { text.starts(place, with: $0) }) {
        count += 1
        place += mark.utf8CodeUnitCount
      } else if let end = stepEnd(text, place) {
        count += 1
        place = end
      } else {
        place += 1
      }
    }
    return count
  }

  private static func stepEnd(_ text: Bytes, _ place: Int) -> Int? {
    let isStep = text.starts(place, with: "Step ")
    guard isStep || place == 0 else { return nil }
    let start = isStep ? place + 5 : place
    var end = start
    while isDigit(text[end]) { end += 1 }
    guard end > start, text[end] == UInt8(ascii: isStep ? ":" : ".") else { return nil }
    return end + 1
  }
}

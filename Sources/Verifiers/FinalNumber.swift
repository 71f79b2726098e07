public import Records

/// The response's final number equals the ground truth, exactly.
///
/// The answer is what stands after the last `####`; further rules, where they are asked for, apply
/// only to responses without that marker. The verdict's rule is the one that found the answer, with
/// what came of it: `marker-equal`, `last-number-differs`, `no-answer`, …
public struct FinalNumberVerifier: Verifier {
  /// Where an answer may stand, strictest first.
  public enum Rule: String, Sendable, Equatable, CaseIterable {
    /// `#### 42`, at the last `####`.
    case marker
    /// `\boxed{42}`, the last one.
    case boxed
    /// `A: 42` at the begin of a line, the last one.
    case answerLine = "answer-line"
    /// The last number anywhere.
    case lastNumber = "last-number"
  }

  public let name: String
  public let rules: [Rule]
  /// `#### 42 or 43` is no answer, whatever the ground truth.
  private let refusesAlternatives: Bool

  /// - Parameter rules: tried in order until one finds its place; the first that does decides.
  public init(name: String = "final_number", rules: [Rule] = Rule.allCases) {
    self.name = name
    self.rules = rules
    refusesAlternatives = false
  }

  /// As GSM8K's answers are read.
  public init(gsm8k mode: GSM8KMode) {
    name = "gsm8k"
    rules = [mode.rule]
    refusesAlternatives = true
  }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    guard let gold = Self.groundTruth(prompt.groundTruth) else {
      return .unreadable(groundTruth: "is not a number")
    }
    let text = Bytes(response)
    for rule in rules {
      guard let outcome = find(rule, text) else { continue }
      return verdict(outcome, rule, gold, text, finish)
    }
    return .scored(false, rule: "no-answer", extracted: nil, response: text, format: false)
  }

  /// The number that a ground truth is; of GSM8K's solutions what follows `####`.
  private static func groundTruth(_ text: String) -> ExactNumber? {
    let bytes = Bytes(text)
    var range = bytes.all
    if let marker = bytes.last("####", in: range) { range = marker + 4..<range.upperBound }
    range = bytes.trimmed(range)
    guard
      case .found(let found) = NumberText(text: bytes).number(
        at: range.lowerBound, limit: range.upperBound),
      found.span.upperBound == range.upperBound
    else { return nil }
    return found.number
  }

  /// What stands at the rule's place; nil if the response has no such place.
  private func find(_ rule: Rule, _ text: Bytes) -> NumberText.Outcome? {
    let numbers = NumberText(text: text)
    switch rule {
    case .marker:
      guard let place = text.last("####", in: text.all) else { return nil }
      return numberAlone(numbers, in: text.trimmed(text.line(from: place + 4)))
    case .boxed:
      guard let place = text.last("\\boxed{", in: text.all) else { return nil }
      let start = place + 7
      let end = text.first("}", in: start..<text.count) ?? text.count
      let inside = text.trimmed(start..<end)
      let outcome = numbers.number(at: inside.lowerBound, limit: inside.upperBound)
      guard case .found(let found) = outcome, found.span.upperBound < inside.upperBound else {
        return outcome
      }
      return .malformed(inside)
    case .answerLine:
      guard let place = lastAnswerLine(text) else { return nil }
      return numberAlone(numbers, in: text.trimmed(text.line(from: place + 2)))
    case .lastNumber:
      let outcome = numbers.last(in: text.all)
      if case .absent = outcome { return nil }
      return outcome
    }
  }

  /// The number that begins a line, unless the line offers another one behind an "or".
  private func numberAlone(_ numbers: NumberText, in line: Range<Int>) -> NumberText.Outcome {
    let outcome = numbers.number(at: line.lowerBound, limit: line.upperBound)
    guard refusesAlternatives, case .found(let found) = outcome,
      let or = numbers.text.first(" or ", in: found.span.upperBound..<line.upperBound),
      (or..<line.upperBound).contains(where: { isDigit(numbers.text[$0]) })
    else { return outcome }
    return .malformed(line)
  }

  private func lastAnswerLine(_ text: Bytes) -> Int? {
    var end = text.count
    while let place = text.last("A:", in: 0..<end) {
      if place == 0 || isLineEnd(text.bytes[place - 1]) { return place }
      end = place + 1
    }
    return nil
  }

  private func verdict(
    _ outcome: NumberText.Outcome, _ rule: Rule, _ gold: ExactNumber, _ text: Bytes,
    _ finish: FinishReason
  ) -> Verdict {
    let format = rule == .marker
    switch outcome {
    case .absent:
      return .scored(
        false, rule: "\(rule.rawValue)-empty", extracted: nil, response: text, format: false)
    case .malformed(let span):
      return .scored(
        false, rule: "\(rule.rawValue)-malformed",
        extracted: Extracted(span: span, rule: rule.rawValue), response: text, format: false)
    case .found(let found):
      let extracted = Extracted(span: found.span, rule: rule.rawValue)
      // `#### 13` cut from `#### 132` must not count for 13.
      if finish == .length, found.span.upperBound == text.count {
        return .scored(
          false, rule: "\(rule.rawValue)-cut", extracted: extracted, response: text, format: false)
      }
      let isEqual = found.number.equals(gold)
      let ending =
        switch isEqual {
        case true?: "equal"
        case false?: "differs"
        case nil: "too-long"
        }
      return .scored(
        isEqual == true, rule: "\(rule.rawValue)-\(ending)", extracted: extracted, response: text,
        format: format)
    }
  }
}

/// Where the answer to a question of GSM8K stands.
public enum GSM8KMode: String, Sendable, Equatable, CaseIterable {
  /// `#### 42`, as the data set's own solutions end.
  case strict
  /// The last number of the response.
  case flexible
  /// `A: 42` on the last such line, as the authors' sample solutions end.
  case answerLine = "answer-line"

  fileprivate var rule: FinalNumberVerifier.Rule {
    switch self {
    case .strict: .marker
    case .flexible: .lastNumber
    case .answerLine: .answerLine
    }
  }
}

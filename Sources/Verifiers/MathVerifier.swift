import Mathematics
public import Records

/// The answer says the same as the ground truth, as mathematics: `1/2`, `0.5` and `\frac{2}{4}`.
///
/// Where the answer stands in the response is `MathAnswer`'s matter, what it means is
/// `Mathematics`': everything is read by a parser of its own, computed exactly, and never evaluated
/// as code. Rules, limits and what is decided where graders differ: docs/verifiers.md.
///
/// Components: `accuracy`, and `format`, which is 1 if the answer stands in a box.
public struct MathVerifier: Verifier {
  /// Where an answer is taken from that does not stand in a box.
  public enum Extraction: Sendable, Equatable {
    /// Behind `answer is` and its like, else the last formula, else the last number.
    case anywhere
    /// Nowhere.
    case boxOnly
  }

  public let name: String
  private let extraction: Extraction
  private let comparison: AnswerComparison

  /// - Parameters:
  ///   - extraction: whether a box is required.
  ///   - listOrderMatters: whether `1, 2` and `2, 1` differ.
  ///   - percentIsHundredth: whether `50\%` may stand for `0.5`, beside `50`.
  ///   - roundingPlaces: decimals are equal if they agree to so many places behind the point.
  public init(
    name: String = "math", extraction: Extraction = .anywhere, listOrderMatters: Bool = false,
    percentIsHundredth: Bool = true, roundingPlaces: Int = 6
  ) {
    self.name = name
    self.extraction = extraction
    comparison = AnswerComparison(
      options: ComparisonOptions(
        listOrderMatters: listOrderMatters, percentIsHundredth: percentIsHundredth,
        roundingPlaces: roundingPlaces))
  }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let goldText = Bytes(prompt.groundTruth)
    guard let gold = gold(goldText) else {
      return .unreadable(groundTruth: "is empty")
    }
    let text = Bytes(response)
    let found = MathAnswer(text: text, comparison: comparison).find(extraction)
    guard let answer = found.answer else {
      return .scored(
        false, rule: found.rule, extracted: nil, response: text, format: false)
    }
    let extracted = Extracted(span: answer.span, rule: found.rule)
    let isBoxed = found.rule == MathAnswer.boxed
    if finish == .length, !isBoxed, answer.span.upperBound == text.count {
      return .scored(
        false, rule: "\(found.rule)-cut", extracted: extracted, response: text, format: false)
    }
    let (ending, isRight): (String, Bool)
    switch comparison.compare(gold: gold, answer: answer.bytes) {
    case .equal(let kind): (ending, isRight) = ("\(kind.rawValue)-equal", true)
    case .different: (ending, isRight) = ("differs", false)
    case .unreadableAnswer: (ending, isRight) = ("unreadable", false)
    case .costlyAnswer: (ending, isRight) = ("budget", false)
    case .costlyGold: return .unreadable(groundTruth: "costs too much to compare with")
    }
    return .scored(
      isRight, rule: "\(found.rule)-\(ending)", extracted: extracted, response: text,
      format: isBoxed)
  }

  /// The mathematics of a ground truth: all of it, or the answer within a whole solution. Nil: there
  /// is none.
  private func gold(_ text: Bytes) -> [UInt8]? {
    let all = text.trimmed(text.all)
    guard !all.isEmpty else { return nil }
    let whole = Array(text.bytes[all])
    let isSolution = text.first("boxed{", in: all) != nil
    if !isSolution, comparison.reads(whole) { return whole }
    let found = MathAnswer(text: text, comparison: comparison).find(.anywhere)
    // A name, a word, a code: the text itself is what is asked for.
    guard let answer = found.answer, found.rule != MathAnswer.lastNumber else { return whole }
    return answer.bytes.isEmpty ? nil : answer.bytes
  }
}

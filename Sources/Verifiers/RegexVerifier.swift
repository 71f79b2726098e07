public import Records

/// The response holds a match of a regular expression (`LinearRegex`, docs/verifiers.md).
///
/// A pattern of the definition's that has a group reads the answer: the last match's group must be the
/// ground truth, but for blanks at both ends. Without a group a match suffices, and the ground truth is
/// not read. Without a pattern of the definition's the ground truth is the pattern, and a match suffices.
public struct RegexVerifier: Verifier {
  public let name = "regex"
  private let ignoresCase: Bool
  private let regex: LinearRegex?

  /// - Throws: for a pattern that is none of ours.
  public init(pattern: String? = nil, ignoresCase: Bool = false) throws(VerifierError) {
    self.ignoresCase = ignoresCase
    guard let pattern else {
      regex = nil
      return
    }
    do { regex = try LinearRegex(pattern, ignoresCase: ignoresCase) } catch {
      throw VerifierError(
        "pattern", "the pattern \(error.problem)",
        remedy: "Write it as docs/verifiers.md says, section regex.")
    }
  }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    guard let regex else {
      guard !prompt.groundTruth.isEmpty else { return .unreadable(groundTruth: "is empty") }
      do {
        return found(try LinearRegex(prompt.groundTruth, ignoresCase: ignoresCase), response)
      } catch {
        return .unreadable(groundTruth: "as a pattern \(error.problem)")
      }
    }
    guard regex.hasGroup else { return found(regex, response) }
    return captured(regex, response, prompt.groundTruth, finish)
  }

  /// Whether there is a match.
  private func found(_ regex: LinearRegex, _ response: String) -> Verdict {
    let text = ScalarText(response)
    var steps = LinearRegex.stepLimit
    switch regex.first(in: text.scalars, steps: &steps) {
    case .found(let match):
      return .scored(
        true, rule: "match", extracted: Extracted(span: text.bytes(match.whole), rule: "match"),
        response: Bytes(response))
    case .none: return .scored(false, rule: "no-match", extracted: nil, response: Bytes(response))
    case .tooLong: return .scored(false, rule: "budget", extracted: nil, response: Bytes(response))
    }
  }

  /// Whether the group of the last match is the ground truth.
  private func captured(
    _ regex: LinearRegex, _ response: String, _ groundTruth: String, _ finish: FinishReason
  ) -> Verdict {
    let gold = Bytes(groundTruth)
    let wanted = gold.trimmed(gold.all)
    guard !wanted.isEmpty else { return .unreadable(groundTruth: "is empty") }
    let text = ScalarText(response)
    let bytes = Bytes(response)
    var steps = LinearRegex.stepLimit
    var last: LinearRegex.Match?
    var start = 0
    search: while start <= text.scalars.count {
      switch regex.first(in: text.scalars, from: start, steps: &steps) {
      case .found(let match):
        last = match
        start = max(match.whole.upperBound, match.whole.lowerBound + 1)
      case .none: break search
      case .tooLong: return .scored(false, rule: "budget", extracted: nil, response: bytes)
      }
    }
    guard let group = last?.group else {
      let rule = last == nil ? "no-match" : "no-group"
      return .scored(false, rule: rule, extracted: nil, response: bytes, format: false)
    }
    let span = bytes.trimmed(text.bytes(group))
    let extracted = Extracted(span: span, rule: "group")
    if finish == .length, span.upperBound == bytes.count {
      return .scored(false, rule: "group-cut", extracted: extracted, response: bytes, format: false)
    }
    let isEqual = bytes.bytes[span] == gold.bytes[wanted]
    return .scored(
      isEqual, rule: isEqual ? "group-equal" : "group-differs", extracted: extracted,
      response: bytes, format: true)
  }
}

/// A text by scalars, with their places in UTF-8.
private struct ScalarText {
  let scalars: [Unicode.Scalar]

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// Linear in the text before the range's end.
  func bytes(_ range: Range<Int>) -> Range<Int> {
    let start = scalars[..<range.lowerBound].reduce(0) { $0 + UTF8.width($1) }
    return start..<scalars[range].reduce(start) { $0 + UTF8.width($1) }
  }
}

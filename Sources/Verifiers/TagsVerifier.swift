public import Records

/// What another verifier says of a part of the response that tags mark; without the tags the response
/// is wrong. The component `format` says whether they are there.
public struct TagsVerifier: Verifier {
  public enum Rule: String, Sendable, Equatable, CaseIterable {
    /// Only the text behind the last closing think tag counts.
    case thinkRequired = "think-required"
    /// Only what stands in the last pair of answer tags counts.
    case answerTag = "answer-tag"
  }

  public let name = "tags"
  public var version: Int { inner.version }
  public var isRepeatable: Bool { inner.isRepeatable }
  public var asking: Asking { inner.asking }
  public var fingerprint: String? { inner.fingerprint }
  public var spent: String? { inner.spent }

  private let inner: any Verifier
  private let rule: Rule
  private let opening: [UInt8]
  /// Tried in order; the first that occurs counts.
  private let closings: [[UInt8]]

  /// - Parameters:
  ///   - opening, closing: in place of the rule's own tags.
  /// - Throws: for an empty tag, or one that the rule does not read.
  public init(
    _ inner: any Verifier, _ rule: Rule, opening: String? = nil, closing: String? = nil
  ) throws(VerifierError) {
    for (name, tag) in [("opening", opening), ("closing", closing)] where tag?.isEmpty == true {
      throw VerifierError(name, "it is empty", remedy: "Write the tag, or leave it out.")
    }
    if rule == .thinkRequired, opening != nil {
      throw VerifierError(
        "opening", "think-required looks for the closing tag alone", remedy: "Leave it out.")
    }
    self.inner = inner
    self.rule = rule
    self.opening = Array((opening ?? "<answer>").utf8)
    switch rule {
    case .thinkRequired:
      closings = (closing.map { [$0] } ?? ["</think>", "###Response"]).map { Array($0.utf8) }
    case .answerTag: closings = [Array((closing ?? "</answer>").utf8)]
    }
  }

  public func prepare() throws { try inner.prepare() }
  public func stop() { inner.stop() }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let text = Bytes(response)
    guard let span = marked(text) else {
      // The ground truth may be unreadable all the same, which no response can help. Who asks outside is
      // not asked about nothing.
      if inner.asking == .inTurn {
        let verdict = inner.verify(response: "", prompt: prompt, finish: .stop)
        if case .error = verdict.outcome { return verdict }
      }
      return .scored(
        false, rule: "\(rule.rawValue)-missing", extracted: nil, response: text, format: false)
    }
    // What is followed by a closing tag was not cut.
    let isCut = finish == .length && span.upperBound == text.count
    var verdict = inner.verify(
      response: text.text(span), prompt: prompt, finish: isCut ? .length : .stop)
    verdict.rule = "\(rule.rawValue)-\(verdict.rule)"
    verdict.span = verdict.span.map {
      $0.lowerBound + span.lowerBound..<$0.upperBound + span.lowerBound
    }
    if case .scored(let reward, var components) = verdict.outcome {
      components.removeAll { $0.name == "format" }
      components.append(RewardComponent(name: "format", value: 1))
      verdict.outcome = .scored(reward: reward, components: components)
    }
    return verdict
  }

  private func marked(_ text: Bytes) -> Range<Int>? {
    switch rule {
    case .thinkRequired:
      for closing in closings {
        guard let place = text.place(of: closing, in: text.all, last: true) else { continue }
        return place + closing.count..<text.count
      }
      return nil
    case .answerTag:
      guard let end = text.place(of: closings[0], in: text.all, last: true),
        let start = text.place(of: opening, in: 0..<end, last: true)
      else { return nil }
      return text.trimmed(start + opening.count..<end)
    }
  }
}

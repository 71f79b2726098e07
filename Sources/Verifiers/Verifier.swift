public import Records

/// Says whether a response answers its prompt.
///
/// A built-in verifier is a pure function, bounded by counted operations on any input: its verdicts
/// repeat, on every machine. A ground truth it cannot read is `Verdict.Outcome.error`, never a reward
/// of 0.
public protocol Verifier: Sendable {
  /// Its name in definitions.
  var name: String { get }
  /// Raised whenever some verdict changes, so that stored ones can be told from new ones.
  var version: Int { get }
  /// Whether it gives the same verdict again, on every machine: a lost one can then be made anew.
  var isRepeatable: Bool { get }
  /// - Parameters:
  ///   - response: the text of the rollout, without the stop token.
  ///   - prompt: whose `groundTruth` is compared with.
  ///   - finish: a response that was cut at the length limit may end inside its answer.
  /// - Returns: a verdict whose `extracted` is the answer as it stands in `response` at `span`
  ///   (UTF-8 offsets).
  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict
  /// The same for whoever reads token ids too.
  func verify(_ response: Response, of prompt: Prompt) -> Verdict
  /// Adds what needs the verdicts of a whole group, such as a reward for being shorter than the others.
  ///
  /// - Parameters:
  ///   - verdicts: what `verify(_:of:)` said of each response.
  ///   - responses: all responses to one prompt.
  func complete(_ verdicts: [Verdict], of responses: [Response]) -> [Verdict]
}

extension Verifier {
  public var version: Int { 1 }
  public var isRepeatable: Bool { true }

  public func verify(_ response: Response, of prompt: Prompt) -> Verdict {
    verify(response: response.text, prompt: prompt, finish: response.finish)
  }

  public func complete(_ verdicts: [Verdict], of responses: [Response]) -> [Verdict] { verdicts }
}

/// A response as verifiers see it.
public struct Response: Sendable {
  /// Without special tokens.
  public var text: String
  /// With the stop token; nil for a text that no tokenizer has seen.
  public var tokens: [Int32]?
  public var finish: FinishReason

  public init(text: String, tokens: [Int32]? = nil, finish: FinishReason = .stop) {
    self.text = text
    self.tokens = tokens
    self.finish = finish
  }
}

extension Verdict {
  /// A reward of 1 or 0, which is also the component `accuracy`.
  static func scored(
    _ isRight: Bool, rule: String, extracted: Extracted?, response: Bytes, format: Bool? = nil
  ) -> Verdict {
    let reward: Double = isRight ? 1 : 0
    var components = [RewardComponent(name: "accuracy", value: reward)]
    if let format { components.append(RewardComponent(name: "format", value: format ? 1 : 0)) }
    return Verdict(
      outcome: .scored(reward: reward, components: components),
      extracted: extracted.map { response.text($0.span) }, span: extracted?.span, rule: rule)
  }

  static func unreadable(groundTruth problem: String) -> Verdict {
    Verdict(outcome: .error("the ground truth \(problem)"), rule: "ground-truth")
  }
}

/// Where an answer stands, and the rule that found it.
struct Extracted: Equatable {
  var span: Range<Int>
  var rule: String
}

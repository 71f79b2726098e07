public import Records

/// Says whether a response answers its prompt.
///
/// A verifier of this module is a pure function, bounded by counted operations on any input: its
/// verdicts repeat, on every machine. Others ask a program, a service or a model (``Asking``). A ground
/// truth it cannot read, and an answer that does not come, is `Verdict.Outcome.error`, never a reward
/// of 0.
public protocol Verifier: Sendable {
  /// Its name in definitions.
  var name: String { get }
  /// Raised whenever some verdict changes, so that stored ones can be told from new ones.
  var version: Int { get }
  /// Whether it gives the same verdict again, on every machine: a lost one can then be made anew.
  var isRepeatable: Bool { get }
  /// How it wants to be asked.
  var asking: Asking { get }
  /// What its verdicts depend on besides its definition, such as the digest of a model's weights; nil:
  /// nothing. To be asked for when it is prepared.
  var fingerprint: String? { get }
  /// What it was paid for, in words: here, and earlier where that was kept. nil: nothing.
  var spent: String? { get }
  /// Looks for what it needs: a program, a key, a model, a sandbox. To be called before anything is
  /// asked of it; a definition can be checked without.
  ///
  /// - Throws: what is missing, and what to do.
  func prepare() throws
  /// Gives up what it waits for. The verdicts that come of that are not to be kept; it can be asked again.
  func stop()
  /// - Parameters:
  ///   - response: the text of the rollout, without the stop token.
  ///   - prompt: whose `groundTruth` is compared with.
  ///   - finish: a response that was cut at the length limit may end inside its answer.
  /// - Returns: a verdict whose `extracted` is the answer as it stands in `response` at `span`
  ///   (UTF-8 offsets).
  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict
  /// The same for whoever reads token ids too.
  func verify(_ response: Response, of prompt: Prompt) -> Verdict
  /// Verdicts of several responses to one prompt, for whoever is asked ``Asking/together``.
  func verify(all responses: [Response], of prompt: Prompt) -> [Verdict]
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
  public var asking: Asking { .inTurn }
  public var fingerprint: String? { nil }
  public var spent: String? { nil }
  public func prepare() throws {}
  public func stop() {}

  public func verify(_ response: Response, of prompt: Prompt) -> Verdict {
    verify(response: response.text, prompt: prompt, finish: response.finish)
  }

  public func verify(all responses: [Response], of prompt: Prompt) -> [Verdict] {
    responses.map { verify($0, of: prompt) }
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

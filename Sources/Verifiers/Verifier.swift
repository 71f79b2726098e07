public import Records

/// Says whether a response answers its prompt.
///
/// A verifier is a pure function, bounded by counted operations on any input: its verdicts repeat,
/// on every machine.
public protocol Verifier: Sendable {
  /// The name in definitions.
  var name: String { get }
  /// - Parameters:
  ///   - response: the text of the rollout, without the stop token.
  ///   - prompt: whose `groundTruth` is compared with.
  ///   - finish: a response cut at the length limit may end inside its answer.
  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict
}

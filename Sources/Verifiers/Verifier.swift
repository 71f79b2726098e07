public import Records

/// Says whether a response answers its prompt.
///
/// A verifier is a pure function, bounded by counted operations on any input: its verdicts repeat,
/// on every machine. A ground truth it cannot read is `Verdict.Outcome.error`, never a reward of 0.
public protocol Verifier: Sendable {
  /// Its name in definitions.
  var name: String { get }
  /// Whether it gives the same verdict again, on every machine: a lost one can then be made anew.
  var isRepeatable: Bool { get }
  /// - Parameters:
  ///   - response: the text of the rollout, without the stop token.
  ///   - prompt: whose `groundTruth` is compared with.
  ///   - finish: a response that was cut at the length limit may end inside its answer.
  /// - Returns: a verdict whose `extracted` is the answer as it stands in `response` at `span`
  ///   (UTF-8 offsets).
  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict
}

extension Verifier {
  public var isRepeatable: Bool { true }
}

/// The built-in verifiers by name.
public enum Verifiers {
  /// All of them, in alphabetical order of their names.
  public static let all: [any Verifier] = [
    CountdownVerifier(), ExactVerifier(), FinalNumberVerifier(),
    FinalNumberVerifier(name: "final_number_strict", rules: [.marker]),
  ]

  /// The names that definitions may use.
  public static let names = all.map(\.name)

  /// The verifier of that name, if there is one.
  public static func named(_ name: String) -> (any Verifier)? {
    all.first { $0.name == name }
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

public import Records
import Tokenizer
public import Verifiers

/// A prompt with the responses to it that are stored, as verifiers read them.
public struct AnsweredPrompt: Sendable {
  public var group: GroupID
  public var step: UInt64
  public var prompt: Prompt
  public var responses: [Response]
  /// What was said of each response; empty before they are judged.
  public var verdicts: [Verdict]

  public init(
    group: GroupID, step: UInt64, prompt: Prompt, responses: [Response], verdicts: [Verdict]
  ) {
    self.group = group
    self.step = step
    self.prompt = prompt
    self.responses = responses
    self.verdicts = verdicts
  }
}

extension StoredRun {
  /// Goes through all groups with rollouts, in stored order.
  public func forEachAnsweredPrompt(_ body: (AnsweredPrompt) throws -> Void) throws {
    let tokenizer = try tokenizer()
    try forEachGroup { records in
      guard let rollouts = records.rollouts?.rollouts, !rollouts.isEmpty else { return true }
      try body(
        AnsweredPrompt(
          group: records.group, step: records.prompt.step, prompt: records.prompt.prompt,
          responses: rollouts.map {
            Response(
              text: tokenizer.decode($0.tokens, skipSpecials: true), tokens: $0.tokens,
              finish: $0.finish)
          }, verdicts: records.verdicts ?? []))
      return true
    }
  }
}

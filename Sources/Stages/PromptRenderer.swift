public import Records
public import Tokenizer

/// A prompt as token ids, with its demonstrations.
public struct RenderedPrompt: Sendable {
  public var promptTokens: [Int32]
  public var demonstrations: [Trajectory]
  /// What a preference pair rejects, one for each demonstration, or none.
  public var rejected: [Trajectory]
  /// Why no response can be sampled for it.
  public var refusal: String?
}

/// Turns prompts into token ids, once; what was sampled is never tokenised again.
public struct PromptRenderer: Sendable {
  public let tokenizer: Tokenizer
  /// Text around the prompt: `{prompt}` is replaced.
  private let template: String
  private let promptLimit: Int
  private let demonstrationLimit: Int
  private let demonstrationsPerPrompt: Int
  /// Ends a demonstration, and a rollout.
  public let stopIDs: [Int32]

  /// Above every id that a trajectory may hold.
  var vocabulary: Int { max(tokenizer.count, stopIDs.map { Int($0) + 1 }.max() ?? 0) }

  public init(
    tokenizer: Tokenizer, template: String, promptLimit: Int, demonstrationLimit: Int,
    demonstrationsPerPrompt: Int, stopIDs: [Int32]
  ) {
    self.tokenizer = tokenizer
    self.template = template
    self.promptLimit = promptLimit
    self.demonstrationLimit = demonstrationLimit
    self.demonstrationsPerPrompt = demonstrationsPerPrompt
    self.stopIDs = stopIDs
  }

  public func render(_ prompt: Prompt) -> RenderedPrompt {
    let text: String
    switch prompt.content {
    case .text(let content): text = content
    case .messages(let messages): text = messages.map(\.content).joined(separator: "\n")
    }
    let parts = template.split(
      separator: "{prompt}", maxSplits: 1, omittingEmptySubsequences: false)
    // The template may name special tokens; the prompt's own text never becomes one.
    var tokens = tokenizer.encode(String(parts[0]))
    if parts.count == 2 {
      tokens += tokenizer.encode(text, specials: .asText)
      tokens += tokenizer.encode(String(parts[1]))
    }
    var refusal: String?
    if tokens.count > promptLimit {
      refusal = "prompt-too-long: \(tokens.count) tokens, the limit is \(promptLimit)"
    } else if tokens.isEmpty {
      refusal = "prompt-empty"
    }
    let demonstrations = prompt.demonstrations.prefix(demonstrationsPerPrompt).map(demonstration)
    let rejected = prompt.rejected.prefix(demonstrationsPerPrompt).map(demonstration)
    return RenderedPrompt(
      promptTokens: tokens, demonstrations: Array(demonstrations), rejected: Array(rejected),
      refusal: refusal)
  }

  /// A demonstration ends with the end of sequence, which is trained on; one that is cut at the
  /// limit does not.
  private func demonstration(_ text: String) -> Trajectory {
    var tokens = tokenizer.encode(text, specials: .asText)
    if let stop = stopIDs.first { tokens.append(stop) }
    guard tokens.count > demonstrationLimit else { return Trajectory(tokens: tokens) }
    return Trajectory(tokens: Array(tokens.prefix(demonstrationLimit)), finish: .length)
  }

  /// The response's text without special tokens, as a verifier reads it.
  public func text(of trajectory: Trajectory) -> String {
    tokenizer.decode(trajectory.tokens, skipSpecials: true)
  }
}

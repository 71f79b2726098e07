public import ChatTemplate
import Foundation
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
  /// Renders rows with messages; nil: their contents are a text like any other.
  private let chat: ChatPrompts?
  /// Whether a text is a user's message too.
  private let rendersTexts: Bool
  /// Whether a text that is no message gets what the tokenizer puts around every text.
  private let wrapsTexts: Bool
  private let promptLimit: Int
  private let demonstrationLimit: Int
  private let demonstrationsPerPrompt: Int
  /// Each of them ends a rollout.
  public let stopIDs: [Int32]
  /// Ends a demonstration.
  private let end: Int32?

  /// Above every id that a trajectory may hold.
  var vocabulary: Int { max(tokenizer.count, stopIDs.map { Int($0) + 1 }.max() ?? 0) }

  /// - Parameters:
  ///   - end: the one of `stopIDs` that ends a demonstration; nil for the first.
  public init(
    tokenizer: Tokenizer, template: String, chat: ChatPrompts? = nil, rendersTexts: Bool = false,
    wrapsTexts: Bool = false, promptLimit: Int, demonstrationLimit: Int,
    demonstrationsPerPrompt: Int, stopIDs: [Int32],
    end: Int32? = nil
  ) {
    self.tokenizer = tokenizer
    self.template = template
    self.chat = chat
    self.rendersTexts = rendersTexts
    self.wrapsTexts = wrapsTexts
    self.promptLimit = promptLimit
    self.demonstrationLimit = demonstrationLimit
    self.demonstrationsPerPrompt = demonstrationsPerPrompt
    self.stopIDs = stopIDs
    self.end = end ?? stopIDs.first
  }

  /// - Throws: `ChatTemplateError` where the template itself is at fault; one that fails on this prompt
  ///   alone makes a refusal.
  public func render(_ prompt: Prompt) throws(ChatTemplateError) -> RenderedPrompt {
    var tokens: [Int32] = []
    var refusal: String?
    do throws(ChatTemplateError) {
      tokens = try promptTokens(prompt.content)
      if tokens.count > promptLimit {
        refusal = "prompt-too-long: \(tokens.count) tokens, the limit is \(promptLimit)"
      } else if tokens.isEmpty {
        refusal = "prompt-empty"
      }
    } catch {
      guard error.code == .conversation || error.code == .limit else { throw error }
      // The same wherever the run lies: a refusal is a part of its record.
      let place = (error.location as NSString).lastPathComponent
      refusal = "chat-template: \(place): \(error.problem)"
    }
    let demonstrations = prompt.demonstrations.prefix(demonstrationsPerPrompt).map(demonstration)
    let rejected = prompt.rejected.prefix(demonstrationsPerPrompt).map(demonstration)
    return RenderedPrompt(
      promptTokens: tokens, demonstrations: Array(demonstrations), rejected: Array(rejected),
      refusal: refusal)
  }

  private func promptTokens(_ content: Prompt.Content) throws(ChatTemplateError) -> [Int32] {
    let parts = template.split(
      separator: "{prompt}", maxSplits: 1, omittingEmptySubsequences: false
    ).map(String.init)
    let text: String
    switch content {
    case .messages(let messages):
      if let chat { return try chat.tokens(of: messages) }
      text = messages.map(\.content).joined(separator: "\n")
    case .text(let content):
      if let chat, rendersTexts {
        let message = parts.joined(separator: content)
        return try chat.tokens(of: [Message(role: "user", content: message)])
      }
      text = content
    }
    // The template may name special tokens; the prompt's own text never becomes one.
    var tokens = tokenizer.encode(parts[0])
    if parts.count == 2 {
      tokens += tokenizer.encode(text, specials: .asText)
      tokens += tokenizer.encode(parts[1])
    }
    return wrapsTexts ? tokenizer.prefix + tokens + tokenizer.suffix : tokens
  }

  /// A demonstration ends with the end of sequence, which is trained on; one that is cut at the
  /// limit does not.
  private func demonstration(_ text: String) -> Trajectory {
    var tokens = tokenizer.encode(text, specials: .asText)
    if let end { tokens.append(end) }
    guard tokens.count > demonstrationLimit else { return Trajectory(tokens: tokens) }
    return Trajectory(tokens: Array(tokens.prefix(demonstrationLimit)), finish: .length)
  }

  /// The response's text without special tokens, as a verifier reads it.
  public func text(of trajectory: Trajectory) -> String {
    tokenizer.decode(trajectory.tokens, skipSpecials: true)
  }
}

import ChatTemplate
import Foundation
import Operators
import Policy
import Records
import Tokenizer

/// The model with its tokenizer and chat template. Used by one thread at a time.
final class RewardModel {
  /// Why a response has no score.
  struct Refusal: Error { var problem: String }

  private let critic: Critic
  private let texts: Texts

  /// - Throws: for what is missing in the directory, or cannot be used.
  init(in folder: String) throws {
    let stored = try StoredModel(opening: folder)
    texts = try Texts(in: folder, stored.configuration)
    let threads = ProcessInfo.processInfo.activeProcessorCount
    critic = try Critic(stored, held: .stored, compute: Compute(threads: threads))
  }

  /// The score of each response, all in one pass.
  func scores(of responses: [String], to prompt: Prompt) -> [Result<Float, Refusal>] {
    let sequences = responses.map { response in
      Result { () throws(Refusal) in try texts.tokens(of: response, to: prompt) }
    }
    let whole = sequences.compactMap { try? $0.get() }
    let values: [Float]
    do { values = try critic.values(after: whole) } catch {
      return responses.map { _ in .failure(Refusal(problem: error.problem)) }
    }
    var next = values.makeIterator()
    return sequences.map { $0.map { _ in next.next() ?? .nan } }
  }
}

extension RewardModel {
  /// How prompt and response become the tokens that are scored.
  struct Texts {
    /// What a chat template is told that asks for today: the same on every day.
    private static let date = TemplateDate("2024-07-26")

    private let tokenizer: Tokenizer
    /// nil: prompt and response are one text.
    private let chat: ChatPrompts?
    private let maximumPositions: Int

    /// - Throws: for a tokenizer that is missing or not the model's, and a chat template that cannot be
    ///   read.
    init(in folder: String, _ configuration: ModelConfiguration) throws {
      tokenizer = try Tokenizer(file: folder + "/tokenizer.json")
      guard tokenizer.count <= configuration.vocabularySize else {
        throw JudgeError(
          .missing, at: folder + "/tokenizer.json",
          "it has \(tokenizer.count) tokens, the model has \(configuration.vocabularySize)",
          remedy: "Give the model the tokenizer that it was trained with.")
      }
      maximumPositions = configuration.maximumPositions
      if let date = Self.date, try ChatTemplate.load(directory: folder) != nil {
        chat = ChatPrompts(directory: folder, tokenizer: tokenizer, date: date)
      } else {
        chat = nil
      }
    }

    func tokens(of response: String, to prompt: Prompt) throws(Refusal) -> [Int32] {
      let tokens: [Int32]
      if let chat {
        var messages: [Message]
        switch prompt.content {
        case .text(let text): messages = [Message(role: "user", content: text)]
        case .messages(let given): messages = given
        }
        messages.append(Message(role: "assistant", content: response))
        do { tokens = try chat.tokens(of: messages, isWhole: true) } catch {
          throw Refusal(problem: error.problem)
        }
      } else {
        guard case .text(let text) = prompt.content else {
          throw Refusal(problem: "the prompt is messages, and the model has no chat template")
        }
        tokens = tokenizer.encode(text + response, template: true)
      }
      let most = maximumPositions
      // One position is taken by the token that nobody reads.
      guard !tokens.isEmpty, tokens.count < most else {
        throw Refusal(
          problem: "prompt and response have \(tokens.count) tokens of 1 to \(most - 1)")
      }
      return tokens
    }
  }
}

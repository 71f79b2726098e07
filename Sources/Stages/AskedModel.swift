public import ChatTemplate
import Foundation
public import Operators
public import Policy
import Records
public import Tokenizer

/// A model directory that is asked by hand, outside of any run: how a prompt becomes token ids, and
/// which ids end the answer. Its weights are read when they are asked for.
///
/// A directory of an adapter, as a run's checkpoints are that trains one, is asked with its base below
/// it; what it lacks of configuration, tokenizer and template is the base's.
public struct AskedModel {
  public let directory: String
  public let configuration: ModelConfiguration
  public let tokenizer: Tokenizer
  /// Where tokenizer and chat template lie.
  public let textFolder: String
  /// Ends an answer: every id that config.json and generation_config.json name and, in a conversation,
  /// the token that ends an assistant's turn.
  public let stopIDs: [Int32]
  /// nil: a prompt is continued as it stands.
  private let chat: ChatPrompts?
  /// nil: the directory holds all weights.
  private let adapter: (stored: StoredAdapter, base: String)?

  /// Whether prompts are messages to the model.
  public var isChat: Bool { chat != nil }

  /// - Parameters:
  ///   - base: the directory of an adapter's base; nil: the one that the adapter names.
  ///   - chat: whether a prompt is a user's message in the model's chat template; nil: where it has one.
  ///   - date: what a template is told that asks for today's.
  /// - Throws: for a file that is missing or cannot be used, a tokenizer with more tokens than the model
  ///   has embeddings, and a chat template that is asked for and missing.
  public init(
    directory: String, base: String? = nil, chat: Bool?, date: TemplateDate
  ) throws {
    self.directory = directory
    adapter = try Self.adapter(in: directory, on: base)
    let below = adapter?.base ?? directory
    func place(of file: String) -> String {
      FileManager.default.fileExists(atPath: "\(directory)/\(file)") ? directory : below
    }
    configuration = try ModelDirectory.configuration(at: place(of: "config.json"))
    let folder = place(of: "tokenizer.json")
    textFolder = folder
    tokenizer = try Tokenizer(file: folder + "/tokenizer.json")
    try configuration.requireRows(for: tokenizer, in: folder)
    var stops = Set(configuration.stopIDs)
    if try chat ?? (ChatTemplate.load(directory: folder) != nil) {
      let prompts = ChatPrompts(directory: folder, tokenizer: tokenizer, date: date)
      if let end = prompts.endOfTurn { stops.insert(end) }
      self.chat = prompts
    } else {
      self.chat = nil
    }
    stopIDs = stops.sorted()
  }

  /// The ids of a prompt, with all that precedes the answer.
  ///
  /// In a conversation what spells a special token is text; a prompt that is continued may name some,
  /// and gets what the tokenizer puts around every text.
  /// - Parameter system: a system message before it; only in a conversation.
  /// - Throws: `ChatTemplateError`, and `StageError` for a prompt that comes to no token, or leaves no
  ///   position for an answer.
  public func tokens(of prompt: String, system: String? = nil) throws -> [Int32] {
    precondition(system == nil || isChat, "a system message outside of a conversation")
    let tokens: [Int32]
    if let chat {
      let messages = system.map { [Message(role: "system", content: $0)] } ?? []
      tokens = try chat.tokens(of: messages + [Message(role: "user", content: prompt)])
    } else {
      tokens = tokenizer.encode(prompt, template: true)
    }
    guard !tokens.isEmpty else {
      throw StageError(
        .badRun, at: "prompt", "the tokenizer has no token for anything in it",
        remedy: "Write it in characters that the model was trained on.")
    }
    guard tokens.count < configuration.maximumPositions else {
      throw StageError(
        .badRun, at: "prompt",
        "its \(tokens.count) tokens leave nothing of the model's \(configuration.maximumPositions) "
          + "positions", remedy: "Shorten it, or use a model with more positions.")
    }
    return tokens
  }

  /// How this model is asked the questions of a dataset: like `tokens(of:)`, in a suite's template.
  public func renderer(asking template: String) -> PromptRenderer {
    PromptRenderer(asking: template, tokenizer, configuration, chat: chat)
  }

  /// Reads the weights, and holds them in the type they are stored in.
  public func policy(_ compute: Compute) throws -> Policy {
    try Policy(
      StoredModel(opening: adapter?.base ?? directory), configuration: configuration, held: .stored,
      adapter: adapter?.stored.adapter(of: configuration), compute: compute)
  }

  private static func adapter(
    in directory: String, on base: String?
  ) throws -> (StoredAdapter, base: String)? {
    guard StoredAdapter.stands(at: directory) else {
      guard base == nil else {
        throw StageError(
          .badRun, at: directory, "it holds no adapter, which a base could be below",
          remedy: "Leave --base out, or name an adapter's directory.")
      }
      return nil
    }
    let adapter = try StoredAdapter(opening: directory)
    let remedy = "Name the base's directory with --base DIR."
    guard let base = base ?? adapter.base.name else {
      throw StageError(.badRun, at: directory, "its adapter names no base", remedy: remedy)
    }
    guard FileManager.default.fileExists(atPath: base) else {
      throw StageError(
        .badRun, at: directory, "the adapter's base, \(base), is not here", remedy: remedy)
    }
    return (adapter, base)
  }
}

public import ChatTemplate
import Definition

/// Section `data`: which prompts, in which order, and how they become tokens.
public struct ReaderSettings: Sendable, Equatable {
  public var prompts: String
  public var demonstrations: String?
  public var supervised: String?
  public var supervisedShare: Double
  public var promptsPerStep: Int
  public var template: String
  public var chat: ChatUse
  /// nil: what the definition says is no day.
  public var chatDate: TemplateDate?
  public var promptLimit: Int
  public var demonstrationLimit: Int

  /// Which prompts the model's chat template renders.
  public enum ChatUse: String, Sendable, CaseIterable {
    /// Rows with messages.
    case messages
    /// Also rows with a text, which becomes a user's message.
    case always
    case never
  }

  static let keys: [Key] = [
    Key(
      "data.prompts", .text, role: .operational,
      meaning: "Dataset folder with the prompts. Its content is identity, its place is not."),
    Key(
      "data.demonstrations", .text, default: .absent, role: .operational,
      meaning: "Dataset folder whose demonstrations are joined to the prompts by id."),
    Key(
      "data.supervised", .text, default: .absent, role: .operational,
      meaning: "Dataset folder of plain SFT data: its rows are imitated without rollouts."),
    Key(
      "data.supervised_share", .number(0...1), default: .number(0),
      meaning: "Share of each step's groups that come from data.supervised."),
    Key(
      "data.prompts_per_step", .integer(1...1_000_000), default: .integer(64),
      meaning: "Prompts that the reader emits at once; one wave."),
    Key(
      "data.template", .text, default: .text("{prompt}"),
      meaning: "Text around a prompt; `{prompt}` is replaced, and special tokens may be named."),
    Key(
      "data.chat", .choice(ChatUse.allCases.map(\.rawValue)), default: .text("messages"),
      meaning:
        "Which prompts the model's chat template renders: those with messages; always, where a text in "
        + "data.template is a user's message; or never, where messages are a text, one after the other."
    ),
    Key(
      "data.chat_date", .text, default: .text("2024-07-26"),
      meaning: "The day, YYYY-MM-DD, that a chat template is told when it asks for today's."),
    Key(
      "data.prompt_limit", .integer(1...1_048_576), default: .integer(256), unit: "tokens",
      meaning: "A longer prompt is dropped, with that reason."),
    Key(
      "data.demonstration_limit", .integer(1...1_048_576), default: .integer(256), unit: "tokens",
      meaning: "A longer demonstration is cut and then has no end of sequence."),
  ]

  init(_ definition: Definition) {
    prompts = definition.text("data.prompts")
    demonstrations = definition.textIfSet("data.demonstrations")
    supervised = definition.textIfSet("data.supervised")
    supervisedShare = definition.number("data.supervised_share")
    promptsPerStep = definition.integer("data.prompts_per_step")
    template = definition.text("data.template")
    chat = ChatUse(rawValue: definition.text("data.chat")) ?? .messages
    chatDate = TemplateDate(definition.text("data.chat_date"))
    promptLimit = definition.integer("data.prompt_limit")
    demonstrationLimit = definition.integer("data.demonstration_limit")
  }
}

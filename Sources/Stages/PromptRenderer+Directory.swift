import ChatTemplate
import Policy
import Tokenizer

extension PromptRenderer {
  /// The renderer of a run whose model, tokenizer and chat template lie in `directory`.
  ///
  /// A rollout ends at every end of sequence that config.json and generation_config.json name and,
  /// where conversations are asked, at the token that ends an assistant's turn. A demonstration ends
  /// with the tokenizer's `eos_token`, as it was trained on; where that is none of them, with the first.
  /// - Parameter configuration: the model's; nil for that of `directory`.
  init(
    directory: String, configuration: ModelConfiguration? = nil, _ settings: ReaderSettings,
    _ stream: PromptStream
  ) throws {
    let tokenizer = try Tokenizer(file: directory + "/tokenizer.json")
    guard let date = settings.chatDate else {
      preconditionFailure("settings without a day were refused when they were read")
    }
    let chat =
      settings.chat == .never
      ? nil : ChatPrompts(directory: directory, tokenizer: tokenizer, date: date)
    var stops = Set(
      try (configuration ?? ModelDirectory.configuration(at: directory)).stopIDs)
    if settings.chat == .always || stream.holdsMessages, let end = chat?.endOfTurn {
      stops.insert(end)
    }
    let end = try ChatTemplate.specialTokens(directory: directory)["eos_token"]
      .flatMap { tokenizer.id(of: $0) }
    self.init(
      tokenizer: tokenizer, template: settings.template, chat: chat,
      rendersTexts: settings.chat == .always, promptLimit: settings.promptLimit,
      demonstrationLimit: settings.demonstrationLimit, demonstrationsPerPrompt: 1,
      stopIDs: stops.sorted(), end: end.flatMap { stops.contains($0) ? $0 : nil })
  }

  /// The renderer of an evaluation: texts stand in `template`, and are a user's message where there is a
  /// chat template, else get what the tokenizer puts around every text. Demonstrations are left alone.
  ///
  /// - Parameter chat: the model's chat template, where it is to be used.
  init(
    asking template: String, _ tokenizer: Tokenizer, _ configuration: ModelConfiguration,
    chat: ChatPrompts?
  ) {
    var stops = Set(configuration.stopIDs)
    if let end = chat?.endOfTurn { stops.insert(end) }
    self.init(
      tokenizer: tokenizer, template: template, chat: chat, rendersTexts: true, wrapsTexts: true,
      // A prompt must leave a position for the response.
      promptLimit: configuration.maximumPositions - 1, demonstrationLimit: 1,
      demonstrationsPerPrompt: 0, stopIDs: stops.sorted())
  }
}

extension Run {
  /// How this run's policies are asked the questions of a suite.
  ///
  /// - Parameter chat: whether as messages; nil: where the model has a chat template.
  public func renderer(asking template: String, chat: Bool?) throws -> PromptRenderer {
    let folder = directory.checkpoint(0)
    guard let date = settings.reader.chatDate else {
      preconditionFailure("settings without a day were refused when they were read")
    }
    let isChat = try chat ?? (ChatTemplate.load(directory: folder) != nil)
    return PromptRenderer(
      asking: template, renderer.tokenizer, try ModelDirectory.configuration(at: folder),
      chat: isChat
        ? ChatPrompts(directory: folder, tokenizer: renderer.tokenizer, date: date) : nil)
  }
}

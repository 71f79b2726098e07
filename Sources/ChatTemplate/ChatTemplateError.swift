public import Records

/// A chat template cannot be read, asks for what is not done here, or fails on a conversation.
///
/// Names the construct and its line in the template; holds words of the template, never of a message.
public struct ChatTemplateError: DescribedError, Equatable {
  /// What kind of fault it is, for `catch`.
  public enum Code: Sendable, Equatable {
    /// The directory has no template, or its file cannot be read.
    case missing
    /// Not a template: its syntax is wrong.
    case malformed
    /// A construct of Jinja that no published chat template needs and that is not done here.
    case unsupported
    /// The template refuses this conversation, or does with it what Jinja calls an error.
    case conversation
    /// Beyond the limits on steps, memory, length or depth.
    case limit
  }

  public let code: Code
  /// The file, with the line behind a colon where there is one.
  public let location: String
  public let problem: String
  public var remedy: String {
    switch code {
    case .missing:
      "Put the model's chat_template.jinja or tokenizer_config.json into its directory."
    case .malformed: "Fetch the template that belongs to the model again."
    case .unsupported: "Rewrite that line of the template, or render the messages beforehand."
    case .conversation: "Give the template messages as the model was trained on them."
    case .limit: "Use a template that does less; published ones stay far below the limits."
    }
  }
  public var exitStatus: ExitStatus {
    switch code {
    case .missing, .unsupported: .usage
    case .malformed, .conversation, .limit: .mismatch
    }
  }

  init(_ code: Code, at location: String, line: Int? = nil, _ problem: String) {
    self.code = code
    self.location = line.map { "\(location):\($0)" } ?? location
    self.problem = problem.shortened
  }

  public static func missing(in directory: String) -> Self {
    Self(.missing, at: directory, "there is no chat template")
  }

  /// For a conversation that holds every noncharacter, so that nothing can mark a place in it.
  public static func noMarkLeft(for location: String) -> Self {
    Self(.conversation, at: location, "the messages hold every noncharacter of Unicode")
  }
}

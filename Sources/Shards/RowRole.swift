/// What a field of a foreign row is to a prompt.
public enum RowRole: Int, CaseIterable, Sendable {
  case id, prompt, answer, solution, rejected, source
  /// Of which an id is made where a row has none of its own.
  case index
  /// A prompt of messages, where rows have them or a text.
  case messages

  /// The name that a mapping on the command line gives it; nil where it gives none.
  public var name: String? {
    switch self {
    case .id: "id"
    case .prompt: "prompt"
    case .answer: "answer"
    case .solution: "solution"
    case .rejected: "rejected"
    case .source: "source"
    case .index, .messages: nil
    }
  }

  public init?(name: String) {
    guard let role = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = role
  }
}

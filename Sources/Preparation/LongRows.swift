public import Records
public import Shards
public import Tokenizer

/// Finds rows that have more tokens than a run takes: a prompt that is too long is dropped there with its
/// group, a demonstration likewise. The chat template's own tokens are not counted.
public struct LongRows: RowExaminer {
  private let tokenizer: Tokenizer
  private let promptTokens: Int?
  private let demonstrationTokens: Int?

  /// - Parameters:
  ///   - promptTokens, demonstrationTokens: the most of each; nil: any number.
  public init(_ tokenizer: Tokenizer, promptTokens: Int?, demonstrationTokens: Int?) {
    self.tokenizer = tokenizer
    self.promptTokens = promptTokens
    self.demonstrationTokens = demonstrationTokens
  }

  public mutating func examine(
    _ row: Prompt, _ index: Int
  ) -> [(kind: DatasetCheck.Finding.Kind, problem: String)] {
    var found: [(kind: DatasetCheck.Finding.Kind, problem: String)] = []
    if let promptTokens {
      let count = tokenizer.encode(row.content.body).count
      if count > promptTokens {
        found.append((.longPrompt, "its prompt has \(count) tokens, more than \(promptTokens)"))
      }
    }
    if let demonstrationTokens {
      for (place, text) in row.demonstrations.enumerated() {
        let count = tokenizer.encode(text).count
        guard count > demonstrationTokens else { continue }
        found.append(
          (
            .longDemonstration,
            "demonstration \(place) has \(count) tokens, more than \(demonstrationTokens)"
          ))
      }
    }
    return found
  }
}

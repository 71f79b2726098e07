public import Policy
public import Tokenizer

extension ModelConfiguration {
  /// Refuses a tokenizer with a token that has no row in the model.
  /// - Parameter folder: the tokenizer's, for the error.
  public func requireRows(for tokenizer: Tokenizer, in folder: String) throws(StageError) {
    guard tokenizer.count <= vocabularySize else {
      throw StageError(
        .badRun, at: folder + "/tokenizer.json",
        "it has \(tokenizer.count) tokens, the model has \(vocabularySize) embeddings",
        remedy: "Give the model the tokenizer that it was trained with.")
    }
  }
}

/// A reply that was received and paid for, as the run keeps it: one line of JSON.
struct Judgement: Codable, Equatable {
  /// Of its question: `JudgeQuestion.key`.
  var key: String
  var model: String
  /// nil: the reply could not be used, for the reason in `unusable`.
  var score: Double?
  var reasoning: String?
  var unusable: String?
  var promptTokens: Int
  var completionTokens: Int
  /// At the definition's prices of that time.
  var cost: Double

  private enum CodingKeys: String, CodingKey {
    case key, model, score, reasoning, unusable, cost
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
  }
}

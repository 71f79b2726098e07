/// What a judge's replies came to.
public struct JudgeCost: Codable, Sendable, Equatable {
  public var model: String
  /// Replies with a score, and without a usable one.
  public var scored = 0
  public var unusable = 0
  public var promptTokens = 0
  public var completionTokens = 0
  /// At the definition's prices, in its currency; 0 without prices.
  public var cost = 0.0

  private enum CodingKeys: String, CodingKey {
    case model, scored, unusable, cost
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
  }

  init(model: String) { self.model = model }

  mutating func add(_ judgement: Judgement) {
    if judgement.score == nil { unusable += 1 } else { scored += 1 }
    promptTokens += judgement.promptTokens
    completionTokens += judgement.completionTokens
    cost += judgement.cost
  }

  static func += (sum: inout JudgeCost, other: JudgeCost) {
    sum.scored += other.scored
    sum.unusable += other.unusable
    sum.promptTokens += other.promptTokens
    sum.completionTokens += other.completionTokens
    sum.cost += other.cost
  }

  /// In one line.
  public var text: String {
    "\(model): \(scored) scores, \(unusable) unusable replies, \(promptTokens) tokens sent, "
      + "\(completionTokens) received" + (cost > 0 ? ", cost \(cost)" : "")
  }
}

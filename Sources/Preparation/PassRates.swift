public import Evaluation
public import Records

/// How often a model solves each prompt of a dataset, as tags by which rows can be filtered and counted:
/// `pass_rate`, the share of right samples, and `pass_samples`, of how many.
public struct PassRates: Sendable {
  public static let rateTag = "pass_rate"
  public static let samplesTag = "pass_samples"

  /// Of each row in stored order; nil where no sample has a verdict.
  public let rates: [Double?]
  private let samples: [Int]

  /// - Parameter questions: of an evaluation that asked all rows, in stored order.
  public init(_ questions: [QuestionSamples]) {
    rates = questions.map(\.accuracy)
    samples = questions.map(\.judged)
  }

  /// Rows that have no rate: too long for the model, or without a verdict.
  public var missing: Int { rates.count { $0 == nil } }

  /// The row with its tags; those of an earlier scoring go.
  public func tagged(_ row: Prompt, at index: Int) -> Prompt {
    var row = row
    row.tags[Self.rateTag] = rates[index].map { "\(($0 * 1e4).rounded() / 1e4)" }
    row.tags[Self.samplesTag] = rates[index] == nil ? nil : "\(samples[index])"
    return row
  }
}

import Foundation
public import Stages

/// Turns the rewards of one suite's questions into its figures.
public struct SuiteResult: Sendable {
  /// One question's rewards, in sample order.
  public struct Question: Sendable {
    public var rewards: [Double]
    public var level: String?

    public init(rewards: [Double], level: String?) {
      self.rewards = rewards
      self.level = level
    }
  }

  private let questions: [Question]

  public init(_ questions: [Question]) { self.questions = questions }

  /// Mean over all samples with a 95 % interval. Samples of one question are not independent, so
  /// the interval is that of the questions' means (normal approximation, clustered by question).
  public var summary: Summary.Suite {
    let means = questions.filter { !$0.rewards.isEmpty }.map { Self.mean($0.rewards) }
    let mean = Self.mean(means)
    let squares = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let count = Double(max(means.count, 1))
    let deviation = means.count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
    var byLevel: [String: [Double]] = [:]
    for question in questions {
      if let level = question.level, !question.rewards.isEmpty {
        byLevel[level, default: []].append(Self.mean(question.rewards))
      }
    }
    return Summary.Suite(
      mean: mean, k: questions.map(\.rewards.count).max() ?? 0, questions: questions.count,
      low: max(0, mean - 1.96 * deviation), high: min(1, mean + 1.96 * deviation),
      levels: byLevel.mapValues(Self.mean))
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }
}

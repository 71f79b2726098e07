/// Numbers separated by `x`, as shapes are written.
enum BenchShape {
  /// Of the numbers' product: tokens that the inputs of a job may have, far above any real batch.
  static let largest = 1 << 24

  static func numbers(_ text: String, count: Int) -> [Int]? {
    let parts = text.split(separator: "x", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }
    guard parts.count == count, numbers.count == count,
      numbers.allSatisfy({ (1...largest).contains($0) }),
      numbers.reduce(1.0, { $0 * Double($1) }) <= Double(largest)
    else { return nil }
    return numbers
  }
}

/// Sequences of one length that are trained on in one step: `64x96` is 64 of 96 tokens.
public struct TrainShape: Sendable, Equatable, CustomStringConvertible {
  public let sequences: Int
  public let tokens: Int

  /// - Throws: `BenchError.Code.shape`, also for sequences of one token, which predict nothing.
  public init(_ text: String) throws(BenchError) {
    guard let numbers = BenchShape.numbers(text, count: 2), numbers[1] > 1 else {
      throw .shape(text, "of sequences x tokens (2 at least)", example: "64x96")
    }
    (sequences, tokens) = (numbers[0], numbers[1])
  }

  public var description: String { "\(sequences)x\(tokens)" }
}

/// Prompts, rollouts of each, and new tokens of each rollout: `128x8x64`.
public struct RolloutShape: Sendable, Equatable, CustomStringConvertible {
  public let prompts: Int
  public let rollouts: Int
  public let newTokens: Int

  /// - Throws: `BenchError.Code.shape`.
  public init(_ text: String) throws(BenchError) {
    guard let numbers = BenchShape.numbers(text, count: 3) else {
      throw .shape(text, "of prompts x rollouts x new tokens", example: "128x8x64")
    }
    (prompts, rollouts, newTokens) = (numbers[0], numbers[1], numbers[2])
  }

  public var description: String { "\(prompts)x\(rollouts)x\(newTokens)" }
}

/// A prompt and responses to it; the prompt is computed once for all of them.
public struct TrainingGroup: Sendable, Equatable {
  /// Not empty.
  public var prompt: [Int32]
  /// May be empty, and so may each of them; a response without tokens scores nothing.
  public var responses: [[Int32]]

  public init(prompt: [Int32], responses: [[Int32]]) {
    self.prompt = prompt
    self.responses = responses
  }
}

/// Log-probabilities and entropies of response tokens, flat over groups, then responses, then tokens.
public struct TokenScores: Sendable, Equatable {
  /// log softmax(z / T) of each response token, in nats.
  public var logProbabilities: [Float]
  /// Entropy of the distribution that each token was drawn from, in nats.
  public var entropies: [Float]
  /// Response r (counted over all groups) owns tokens `offsets[r]..<offsets[r + 1]`.
  public var offsets: [Int]
}

/// What a loss says of each response token, in the layout of `TokenScores`.
public struct TokenWeights: Sendable, Equatable {
  /// dL/dlogp.
  public var logProbability: [Float]
  /// dL/dentropy; nil where the loss has no entropy term.
  public var entropy: [Float]?

  public init(logProbability: [Float], entropy: [Float]? = nil) {
    self.logProbability = logProbability
    self.entropy = entropy
  }
}

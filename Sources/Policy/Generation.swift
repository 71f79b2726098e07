/// A prompt to answer `rollouts` times.
public struct GenerationRequest: Sendable, Equatable {
  /// The group's id; with the rollout's number it is the key of the random numbers.
  public var group: UInt64
  /// Not empty.
  public var prompt: [Int32]
  public var rollouts: Int
  /// Number of the first rollout, so that a group can be answered in parts.
  public var firstRollout: Int

  public init(group: UInt64, prompt: [Int32], rollouts: Int, firstRollout: Int = 0) {
    self.group = group
    self.prompt = prompt
    self.rollouts = rollouts
    self.firstRollout = firstRollout
  }
}

/// How responses are drawn. Filters follow each other on z / T: top-k, then top-p, then min-p, each
/// on what the one before left, as the warpers of Hugging Face transformers do.
public struct SamplingSettings: Sendable, Equatable {
  /// T; 0 takes the most probable token (log-probabilities are those of T = 1 then).
  public var temperature: Float
  /// Keeps the k largest; 0 is off.
  public var topK: Int
  /// Keeps the smallest set whose mass reaches it; 1 is off.
  public var topP: Float
  /// Keeps probabilities of at least this times the largest; 0 is off.
  public var minP: Float
  /// Ids that end a response; they belong to it.
  public var stopIDs: [Int32]
  /// Tokens of a response at most, the stop id included. The model's positions bound it too.
  public var maximumTokens: Int
  /// Ids from here on are never drawn: the tokenizer's count, where the vocabulary is padded.
  public var tokenLimit: Int
  public var recordEntropy: Bool
  /// Whether the log-probabilities under the filtered distribution are recorded too.
  public var recordFiltered: Bool

  public init(
    temperature: Float = 1, topK: Int = 0, topP: Float = 1, minP: Float = 0, stopIDs: [Int32],
    maximumTokens: Int, tokenLimit: Int, recordEntropy: Bool = false, recordFiltered: Bool = false
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.stopIDs = stopIDs
    self.maximumTokens = maximumTokens
    self.tokenLimit = tokenLimit
    self.recordEntropy = recordEntropy
    self.recordFiltered = recordFiltered
  }

  func validate(vocabulary: Int) throws(PolicyError) {
    guard temperature >= 0, temperature.isFinite else {
      throw .sampling("temperature", "\(temperature) is not a number from 0 up")
    }
    guard topK >= 0 else { throw .sampling("top_k", "\(topK) is below 0") }
    guard topP > 0, topP <= 1 else { throw .sampling("top_p", "\(topP) is not in (0, 1]") }
    guard minP >= 0, minP <= 1 else { throw .sampling("min_p", "\(minP) is not in [0, 1]") }
    guard maximumTokens >= 1 else {
      throw .sampling("maximum_tokens", "\(maximumTokens) is below 1")
    }
    guard tokenLimit >= 1, tokenLimit <= vocabulary else {
      throw .sampling("token_limit", "\(tokenLimit) is not in 1...\(vocabulary)")
    }
  }
}

/// One response as it was drawn.
public struct Generation: Sendable, Equatable {
  /// The stop id included.
  public var tokens: [Int32] = []
  /// log softmax(z / T) of each token before the filters, from the logits it was drawn from.
  public var logProbabilities: [Float] = []
  /// The same under the filtered distribution; empty unless recorded.
  public var filteredLogProbabilities: [Float] = []
  /// Entropy of softmax(z / T) at each token, in nats; empty unless recorded.
  public var entropies: [Float] = []
  /// Whether a stop id ended it; otherwise it ran into the limit.
  public var stopped = false

  public init() {}
}

/// The samples that a model gave to one question, and what the verifier said of each: all that the
/// statistics look at.
public struct QuestionSamples: Sendable, Equatable {
  public enum Verdict: Sendable, Equatable {
    case right
    case wrong
    /// The verifier came to no verdict: neither right nor wrong, and left out.
    case error
  }

  public struct Sample: Sendable, Equatable {
    public var verdict: Verdict
    /// The verifier's number; nil for an error.
    public var reward: Double?
    /// The answer that the verifier found, as it stands in the response; nil where it found none.
    public var answer: String?
    /// Whether an answer stood where it was asked for.
    public var isInFormat: Bool
    /// Whether the response was cut at its length limit.
    public var isCut: Bool
    public var tokens: Int

    public init(
      _ verdict: Verdict, reward: Double? = nil, answer: String? = nil, isInFormat: Bool = true,
      isCut: Bool = false, tokens: Int = 0
    ) {
      self.verdict = verdict
      self.reward = reward ?? (verdict == .error ? nil : verdict == .right ? 1 : 0)
      self.answer = answer
      self.isInFormat = isInFormat
      self.isCut = isCut
      self.tokens = tokens
    }
  }

  /// Of the prompt, by which questions of two models are paired.
  public var id: String
  public var source: String
  /// The prompt's `level` tag.
  public var level: String?
  /// In the order in which they were drawn.
  public var samples: [Sample]
  /// Why the question was not asked: longer than the model's positions, say. It has no samples then.
  public var refusal: String?

  public init(
    id: String, source: String = "", level: String? = nil, samples: [Sample],
    refusal: String? = nil
  ) {
    self.id = id
    self.source = source
    self.level = level
    self.samples = samples
    self.refusal = refusal
  }

  /// n: samples with a verdict.
  public var judged: Int { samples.count { $0.verdict != .error } }
  /// c: those that are right.
  public var right: Int { samples.count { $0.verdict == .right } }
  /// c / n; nil without a verdict.
  public var accuracy: Double? { judged == 0 ? nil : Double(right) / Double(judged) }
}

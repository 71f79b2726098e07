import Estimator
public import Records

/// The same stored groups under several algorithms, side by side.
public struct ReplayReport: Sendable, Equatable, Encodable {
  /// How many steps were replayed, the first and the last of them.
  public var steps: Int
  public var firstStep: UInt64
  public var lastStep: UInt64
  public var groups: Int
  /// Tokens of all their trajectories.
  public var tokens: Int
  /// The update of each step whose log-probabilities stand for the current policy's; nil: the
  /// rollouts' own, ratio 1.
  public var update: Int?
  public var algorithms: [AlgorithmSummary]
  /// Between the per-token weight vectors, in the order of `algorithms`; nil where one has no weight.
  public var cosines: [[Double?]]
  /// What a reader should know about the numbers.
  public var notes: [String]
}

/// What became of the groups under one algorithm.
public struct AlgorithmSummary: Sendable, Equatable, Encodable {
  public var label: String
  /// As in the catalogue.
  public var name: String
  public var form: String
  /// What an aggregation divides by that the request did not say, and the key that it came from.
  public var constant: Double?
  public var constantSource: String?
  public var groups: Int
  public var sft: Int
  public var rl: Int
  public var mixed: Int
  public var dropped: Int
  public var dropReasons: [String: Int]
  /// Tokens that carry a loss, and those of them whose weight is not 0.
  public var tokens: Int
  public var effectiveTokens: Int
  /// √Σ w², and the mean of |w| over `tokens`.
  public var weightNorm: Double
  public var meanWeight: Double
  /// Of the rollouts' tokens: the share whose gradient the clip zeroed; mean and maximum of the ratio.
  public var clipShare: Double
  public var ratioMean: Double
  public var ratioMaximum: Double
  /// Of Â over the tokens of rollouts and of demonstrations that joined their group.
  public var advantageMean: Double
  public var advantageStd: Double
  /// The loss without its entropy and KL terms, summed over the steps.
  public var loss: Double
  public var hasEntropyBonus: Bool
  /// Steps for which dynamic sampling would have asked for more prompts.
  public var shortSteps: Int
  /// Rows left out because the recorded update did not score them.
  public var unscoredRows: Int
  /// Why numbers are missing; the shares count the steps before it.
  public var failure: ReplayFailure?

  init(_ replay: AlgorithmReplay, _ tally: AlgorithmTally) {
    let algorithm = replay.subject.algorithm
    label = replay.subject.label
    name = algorithm.name
    form = algorithm.form.rawValue
    constant = replay.subject.constant?.value
    constantSource = replay.subject.constant?.source
    groups = tally.fates.values.reduce(0, +)
    sft = tally.fates[.imitated] ?? 0
    rl = tally.fates[.reinforced] ?? 0
    mixed = tally.fates[.mixed] ?? 0
    dropped = tally.fates[.dropped] ?? 0
    dropReasons = tally.dropReasons
    let sums = tally.weights
    tokens = sums.tokens
    effectiveTokens = sums.effectiveTokens
    weightNorm = sums.squares.squareRoot()
    meanWeight = sums.absolute / Double(max(sums.tokens, 1))
    clipShare = tally.diagnostics.clipShare
    ratioMean = tally.diagnostics.meanRatio
    ratioMaximum = tally.diagnostics.ratioMaximum
    let count = Double(max(sums.creditedTokens, 1))
    advantageMean = sums.advantages / count
    advantageStd = max(0, sums.squaredAdvantages / count - advantageMean * advantageMean)
      .squareRoot()
    loss = tally.terms.policy + tally.terms.offPolicy + tally.terms.imitation
    hasEntropyBonus = (algorithm.entropy?.weight ?? 0) != 0
    shortSteps = tally.shortSteps
    unscoredRows = tally.unscoredRows
    failure = replay.failure
  }
}

/// One trajectory under one algorithm, token by token.
public struct ReplayedTrajectory: Sendable, Equatable {
  /// A token with the factors of its weight:
  /// `weight = mask · ratio · shape · advantage · norm + added`.
  public struct Token: Sendable, Equatable {
    public var position: Int
    public var id: Int32
    /// Under the current policy as the replay takes it, in nats; NaN where nothing was stored.
    public var logProbability: Double
    public var mask: Double
    public var ratio: Double
    public var shape: Double
    public var advantage: Double
    public var norm: Double
    public var added: Double
    /// `log π_ref`.
    public var logReference: Double
    public var weight: Double
  }

  public var step: UInt64
  public var group: GroupID
  public var kind: TrajectoryKind
  public var index: Int
  /// Index into the replay's algorithms, and the label there.
  public var algorithm: Int
  public var label: String
  public var tokens: [Token]
}

/// What an algorithm decides about one group.
public struct ReplayedDecision: Sendable, Equatable, Encodable {
  public var label: String
  public var fate: GroupFate
  public var rule: String
  public var drop: String?
  public var kept: [UInt32]
  public var idle: [UInt32]
  public var solved: UInt32
  public var total: UInt32
  /// α, the weight of a demonstration that joins, β.
  public var rolloutWeight: Double
  public var offPolicyWeight: Double
  public var demonstrationWeight: Double
}

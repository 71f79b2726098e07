/// Group filtered policy optimization (GFPO, arXiv 2508.09726): of the `G` rollouts of a question
/// only the `k` best by a score train, and the group's statistics are theirs alone.
///
/// Scope: group; the adaptive form (algorithm 2) remembers the mean rewards of earlier groups.
public struct SampleFilter: Sendable, Equatable {
  /// A `ScoreExpression`; the largest scores stay. The paper's two are `-length` (shortest k) and
  /// `reward / length` (token efficiency). With rewards below 0 the latter ranks long wrong answers
  /// above short ones.
  public var score: String
  /// `k`; not read when `adaptive` is given. A group of fewer rollouts keeps them all.
  public var keep: Int
  /// Paper: rejected rollouts stay in the batch with `Â = 0` and the normalizers count them. TRL's
  /// trainer, and false here, removes them: then the same batch has a larger weight per token.
  public var keepsRejectedInNormalizer: Bool
  /// Empty, or `k` of questions that are very hard, hard, medium and easy (paper: 8, 8, 6, 4 of 16):
  /// the group's mean reward below the first, second, third quartile of the remembered means, or
  /// from there on.
  public var adaptive: [Int]
  /// How many means are remembered. The paper's t-digest never forgets; a window follows a policy
  /// that gets better, and is exact.
  public var window: Int
  /// With fewer remembered means than this (and with none), `k` is that of very hard questions. A
  /// quartile of 100 means is off by about 4 percentage points.
  public var warmup: Int

  public init(
    score: String = "-length", keep: Int = 8, keepsRejectedInNormalizer: Bool = true,
    adaptive: [Int] = [], window: Int = 4096, warmup: Int = 100
  ) {
    self.score = score
    self.keep = keep
    self.keepsRejectedInNormalizer = keepsRejectedInNormalizer
    self.adaptive = adaptive
    self.window = window
    self.warmup = warmup
  }

  /// Indices of the `keep` largest scores, ascending. Of equal scores the first stay: `torch.topk`
  /// promises no order.
  public static func best(_ keep: Int, of scores: [Double]) -> [Int] {
    let order = scores.indices.sorted {
      (scores[$1], $0) < (scores[$0], $1)
    }
    return order.prefix(max(keep, 0)).sorted()
  }

  /// The first, second and third quartile of at least one number, linear between neighbours.
  public static func quartiles(of values: [Double]) -> [Double] {
    precondition(!values.isEmpty, "SampleFilter.quartiles: no values")
    let sorted = values.sorted()
    return (1...3).map { quarter in
      // The position is quarter·(n − 1)/4, in whole numbers so that quartiles of 5 are exact.
      let (index, rest) = (quarter * (sorted.count - 1)).quotientAndRemainder(dividingBy: 4)
      guard rest > 0 else { return sorted[index] }
      // In this form the quartiles of equal numbers are that number, whatever it is.
      return sorted[index] + (sorted[index + 1] - sorted[index]) * (Double(rest) / 4)
    }
  }

  /// `k` of a group with the mean reward `mean`, after groups with the means `remembered`.
  public func keep(mean: Double, remembered: [Double]) -> Int {
    guard !adaptive.isEmpty else { return keep }
    precondition(adaptive.count == 4, "SampleFilter.adaptive has \(adaptive.count) numbers, not 4")
    let recent = remembered.suffix(window)
    guard !recent.isEmpty, recent.count >= warmup else { return adaptive[0] }
    // Strictly below: a mean on a quartile belongs to the easier side.
    let level = Self.quartiles(of: Array(recent)).count { mean >= $0 }
    return adaptive[level]
  }

  /// Appends `mean` and forgets what is older than the window. Nothing without `adaptive`.
  func remember(_ mean: Double, in memory: inout [Double]) {
    guard !adaptive.isEmpty else { return }
    memory.append(mean)
    memory.removeFirst(max(memory.count - window, 0))
  }

  /// Refuses parameters out of their range, by the key `key`.
  func validate(_ key: String) throws(EstimatorError) {
    _ = try ScoreExpression(score, key: "\(key).score")
    if adaptive.isEmpty, keep < 1 {
      throw .parameter("\(key).keep", "\(keep) keeps nothing", remedy: "Keep one rollout or more.")
    }
    guard !adaptive.isEmpty else { return }
    if adaptive.count != 4 || adaptive.contains(where: { $0 < 1 }) {
      throw .parameter(
        "\(key).adaptive", "\(adaptive) is not four numbers from 1 on",
        remedy: "Give k of very hard, hard, medium and easy questions, or leave it out.")
    }
    if window < 1 {
      throw .parameter(
        "\(key).window", "\(window) remembers nothing", remedy: "Remember one group or more.")
    }
    if !(0...window).contains(warmup) {
      throw .parameter(
        "\(key).warmup", "\(warmup) is not within the window of \(window) groups",
        remedy: "Give a number of groups from 0 to `window`.")
    }
  }
}

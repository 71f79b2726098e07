/// What the tracked quantiles say at the start of a step.
public struct RiskReference: Sendable, Equatable {
  /// Q_α and Q_β.
  public var lower: Double
  public var upper: Double
  /// Means of g and of −(Q_α − R)+ over the tracked distribution, for `meanBaseline`.
  public var middleMean: Double
  public var tailMean: Double

  public init(lower: Double, upper: Double, middleMean: Double = 0, tailMean: Double = 0) {
    self.lower = lower
    self.upper = upper
    self.middleMean = middleMean
    self.tailMean = tailMean
  }
}

extension RiskMeasure {
  /// x of each paper of one bundle, before credit.
  ///
  /// - Parameters:
  ///   - scores: R of the bundle's papers.
  ///   - tracked: nil while nothing is tracked: the quantiles are then those of `scores`.
  public func paperAdvantages(scores: [Double], tracked: RiskReference?) -> [Double] {
    guard !scores.isEmpty else { return [] }
    let reference = reference(scores, tracked)
    let deviation = normalizeByStd ? Self.deviation(scores) ?? 1 : 1
    if form == .paper {
      // All scores equal: there is no spread to measure by.
      guard deviation > 0 else { return scores.map { _ in 0 } }
      return scores.map { score in
        let tail = max(reference.lower - score, 0)
        return (0 - omega * tail - max(reference.upper - score, 0)) / deviation
      }
    }
    return scores.map { score in
      let x = released(score, reference)
      return normalizeByStd ? x / (deviation + Self.epsilon) : x
    }
  }

  private func released(_ score: Double, _ reference: RiskReference) -> Double {
    var x = middle(score, reference) - (meanBaseline ? reference.middleMean : 0)
    x /= upperLevel - lowerLevel + Self.epsilon
    if mixing {
      let tail = 0 - max(reference.lower - score, 0) - (meanBaseline ? reference.tailMean : 0)
      x = (mixingWeight * tail / (lowerLevel + Self.epsilon) + x) / (mixingWeight + 1)
    } else if upperTail {
      let tail = max(score - reference.upper, 0) / (1 - upperLevel + Self.epsilon)
      x = (upperWeight * tail + x) / (upperWeight + 1)
    }
    return x
  }

  /// `g(R, Q_α, Q_β)`, without its last two terms unless they are asked for.
  private func middle(_ score: Double, _ reference: RiskReference) -> Double {
    max(score - reference.lower, 0) - max(score - reference.upper, 0)
      + (naturalBaseline ? reference.lower - reference.upper : 0)
  }

  /// The quantiles to measure one bundle by.
  private func reference(_ scores: [Double], _ tracked: RiskReference?) -> RiskReference {
    if let tracked, form == .paper || quantiles == .track { return tracked }
    let sorted = scores.sorted()
    var own = tracked ?? RiskReference(lower: 0, upper: 0)
    own.lower = QuantileTracker.quantile(ofSorted: sorted, level: lowerLevel)
    own.upper = QuantileTracker.quantile(ofSorted: sorted, level: upperLevel)
    if let tracked, quantiles == .mix {
      own.lower = (own.lower + tracked.lower) / 2
      own.upper = (own.upper + tracked.upper) / 2
    }
    return own
  }

  /// The tracker as `memory` left it; empty: fresh.
  ///
  /// The paper tracks α and β alone; the release tracks 0.05, 0.1, … 0.95 and reads the nearest.
  ///
  /// - Throws: `.shapeMismatch` or `.notFinite` for a memory that no tracker of this form wrote.
  public func tracker(memory: [Double]) throws(EstimatorError) -> QuantileTracker {
    let levels =
      form == .paper ? [lowerLevel, upperLevel] : (1..<20).map { Double($0) / 20 }
    guard memory.isEmpty || memory.count == levels.count else {
      throw .shape("the tracked quantiles of RiskPO", memory.count, expected: levels.count)
    }
    for (index, value) in memory.enumerated() where !value.isFinite {
      throw .parameter(
        "the tracked quantiles of RiskPO", "number \(index) is \(value)",
        remedy: "Resume from an earlier checkpoint.")
    }
    return QuantileTracker(levels: levels, values: memory)
  }

  /// What `tracker` says for this measure; nil while it is fresh.
  public func reference(_ tracker: QuantileTracker) -> RiskReference? {
    guard let lower = tracker.value(nearest: lowerLevel),
      let upper = tracker.value(nearest: upperLevel)
    else { return nil }
    var reference = RiskReference(lower: lower, upper: upper)
    if meanBaseline {
      let found = reference
      reference.middleMean = tracker.integral { middle($0, found) }
      reference.tailMean = mixing ? tracker.integral { -max(found.lower - $0, 0) } : 0
    }
    return reference
  }

  /// Standard deviation with n − 1; nil for fewer than two numbers.
  static func deviation(_ numbers: [Double]) -> Double? {
    guard numbers.count > 1 else { return nil }
    // Exactly 0 for equal numbers, whatever their mean rounds to.
    guard numbers.contains(where: { $0 != numbers[0] }) else { return 0 }
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    let squares = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(numbers.count - 1)).squareRoot()
  }
}

/// `Â` of every rollout of a group, from the group's rewards. Scope: group.
///
///     reward       Â_i = R_i                                     REINFORCE without baseline
///     signed       Â_i = +1 if R_i > 0, otherwise −1             REINFORCE as in Table 1 of HPT
///     centered     Â_i = R_i − mean(R)                           Dr. GRPO, arXiv 2503.20783
///     normalized   Â_i = (R_i − mean(R)) / (std(R) + ε)          GRPO, arXiv 2402.03300
///     leaveOneOut  Â_i = R_i − mean of the others' rewards       RLOO, arXiv 2402.14740
///
/// Demonstrations that are imitated have Â = 1 and take no part in the statistics.
///
/// Two decisions where the published codes are silent or differ:
/// - All rewards of a group equal: Â of the three centred kinds is exactly 0, not the rounding
///   error of a mean.
/// - A group of one has no mean to speak of; `singleton` says what its Â is.
public struct AdvantageEstimate: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case reward
    case signed
    case centered
    /// `epsilon` is added to the standard deviation, not to the variance. `bessel`: divide the sum
    /// of squares by n − 1 (verl, TRL, oat, OpenRLHF and the HPT release all do), not by n.
    case normalized(epsilon: Double, bessel: Bool)
    case leaveOneOut
  }

  /// What a group of one gets from the kinds that subtract a mean.
  public enum Singleton: String, Sendable, CaseIterable {
    /// Mean 0 and standard deviation 1, as in verl: Â = R, or R / (1 + ε).
    case reward
    /// No signal: Â = 0.
    case zero
  }

  public var kind: Kind
  public var singleton: Singleton

  public init(_ kind: Kind, singleton: Singleton = .reward) {
    self.kind = kind
    self.singleton = singleton
  }

  public var scope: PartScope {
    switch kind {
    case .reward, .signed: .sequence
    case .centered, .normalized, .leaveOneOut: .group
    }
  }

  /// One Â per reward, in order.
  ///
  /// - Parameter rewards: of the group's rollouts that train; an empty group has no advantages.
  /// - Throws: `.notFinite` for a reward that is no number.
  public func advantages(rewards: [Double]) throws(EstimatorError) -> [Double] {
    for (index, reward) in rewards.enumerated() where !reward.isFinite {
      throw .notFinite("the reward", reward, row: index, token: 0)
    }
    switch kind {
    case .reward: return rewards
    case .signed: return rewards.map { $0 > 0 ? 1 : -1 }
    case .centered, .normalized, .leaveOneOut: return centeredKinds(rewards)
    }
  }

  private func centeredKinds(_ rewards: [Double]) -> [Double] {
    guard let first = rewards.first else { return [] }
    guard rewards.count > 1 else {
      if singleton == .zero { return [0] }
      if case .normalized(let epsilon, _) = kind { return [first / (1 + epsilon)] }
      return rewards
    }
    if rewards.allSatisfy({ $0 == first }) { return rewards.map { _ in 0 } }
    let count = Double(rewards.count)
    let mean = rewards.reduce(0, +) / count
    switch kind {
    case .normalized(let epsilon, let bessel):
      let squares = rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let deviation = (squares / (bessel ? count - 1 : count)).squareRoot()
      return rewards.map { ($0 - mean) / (deviation + epsilon) }
    case .leaveOneOut:
      return rewards.map { count / (count - 1) * ($0 - mean) }
    case .centered, .reward, .signed:
      return rewards.map { $0 - mean }
    }
  }
}

/// The rewards of one group that the gate let pass.
public struct GroupRewards: Sendable, Equatable {
  /// Of the rollouts that were kept, in order, after reward shaping.
  public var rollouts: [Double]
  /// How many demonstrations the group imitates.
  public var imitated: Int

  public init(rollouts: [Double], imitated: Int = 0) {
    self.rollouts = rollouts
    self.imitated = imitated
  }
}

/// `Â` of the rows of one group.
public struct GroupAdvantages: Sendable, Equatable {
  /// One number per kept rollout.
  public var rollouts: [Double]
  /// One number per imitated demonstration: 1.
  public var demonstrations: [Double]

  public init(rollouts: [Double], demonstrations: [Double]) {
    self.rollouts = rollouts
    self.demonstrations = demonstrations
  }
}

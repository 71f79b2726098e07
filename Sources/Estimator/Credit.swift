/// How the number that the loss assembler gave a row becomes `Â` at the moment of the update.
///
/// Most algorithms take it as it is. In some, Â depends on the policy that is being trained; no
/// gradient flows through it.
///
///     advantage        Â as assembled
///     one              1                                            SFT
///     implicit_reward  β·w_i / (k − 1),  w_i = (R_i − R̄) − (R_θ(i) − R̄_θ),
///                      R_θ(i) = β Σ_t (log π_θ − log π′)            GVPO, arXiv 2504.19599; scope: group
///     preference       ±β·[(1 − e)·σ(−d) − e·σ(d)] per pair,
///                      d = β[Σ(log π_θ/π′)(chosen) − Σ(log π_θ/π′)(rejected)]
///                                                                   DPO, arXiv 2305.18290; scope: pair
///     entropy_sign     positive·exp(H_i) if R_i = 1, else −negative SRFT's rollouts, arXiv 2506.19767
///     entropy_decay    positive·exp(−H_i)                           SRFT's demonstrations
///
/// `H_i` is the mean token entropy of the response. The loss of the two kinds with a policy π′ of
/// their own is not −Â·log π: it is ½·w²/(k − 1) per row (its minimum 0 is at the optimum of
/// KL-constrained reward maximisation), and −log σ(d) per pair.
public struct Credit: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case advantage
    case one
    case implicitReward = "implicit_reward"
    case preference
    case entropySign = "entropy_sign"
    case entropyDecay = "entropy_decay"
  }

  /// π′ of the two kinds that compare the policy with another.
  public enum Against: String, Sendable, CaseIterable {
    case updateStart = "update_start"
    case anchor
    case rollout
  }

  public var kind: Kind
  public var beta: Double
  public var against: Against
  /// `e` of DPO: the share of pairs that are thought to be labelled the wrong way round.
  public var labelSmoothing: Double
  public var positive: Double
  public var negative: Double

  public init(
    _ kind: Kind = .advantage, beta: Double = 0.1, against: Against = .updateStart,
    labelSmoothing: Double = 0, positive: Double = 0.1, negative: Double = 1
  ) {
    self.kind = kind
    self.beta = beta
    self.against = against
    self.labelSmoothing = labelSmoothing
    self.positive = positive
    self.negative = negative
  }

  public var comparesPolicies: Bool { kind == .implicitReward || kind == .preference }
  public var readsEntropy: Bool { kind == .entropySign || kind == .entropyDecay }

  public var scope: PartScope {
    switch kind {
    case .advantage, .one: .token
    case .entropySign, .entropyDecay: .sequence
    case .implicitReward, .preference: .group
    }
  }

  /// Â of a response by the two kinds that weigh it with its mean token entropy.
  public func weight(meanEntropy: Double, isSolved: Bool) -> Double {
    switch kind {
    case .entropySign: isSolved ? positive * exponential(meanEntropy) : -negative
    case .entropyDecay: positive * exponential(-meanEntropy)
    case .advantage, .one, .implicitReward, .preference:
      preconditionFailure("Credit: \(kind.rawValue) does not read entropy")
    }
  }

  func validate(_ key: String) throws(EstimatorError) {
    guard !comparesPolicies || (beta > 0 && beta.isFinite) else {
      throw .parameter("\(key).beta", "\(beta) is not positive", remedy: "Give a positive beta.")
    }
    guard kind != .preference || (0..<0.5).contains(labelSmoothing) else {
      throw .parameter(
        "\(key).label_smoothing", "\(labelSmoothing) is not a share below one half",
        remedy: "Give a number from 0 to below 0.5.")
    }
    guard !readsEntropy || (positive.isFinite && negative.isFinite) else {
      throw .parameter(
        key, "its factors \(positive) and \(negative) are not finite",
        remedy: "Give finite factors.")
    }
  }
}

/// Two rows of a batch of which one is preferred.
public struct PreferencePair: Sendable, Equatable {
  /// Indices of rows.
  public var chosen: Int
  public var rejected: Int

  public init(chosen: Int, rejected: Int) {
    self.chosen = chosen
    self.rejected = rejected
  }
}

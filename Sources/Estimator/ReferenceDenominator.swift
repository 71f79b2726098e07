/// `π_ref`, the denominator of the estimator: how strongly a rare token is boosted. Scope: token.
///
/// It is not the KL anchor and not always the rollout policy. The factor that a token's weight
/// carries is `π_θ / π_ref`:
///
///     current             1                            SFT, REINFORCE: the gradient of Â·log π_θ
///     current_from_start  1                            the same, its loss counted from log π_old on
///     update_start        exp(log π_θ − log π_old)     PPO, GRPO, Dr. GRPO, HPT
///     rollout             exp(log π_θ − log π_rollout) the same, against what the sampler stored
///     one                 π_θ                          offline data: the gradient of Â·π_θ
///     behaviour           π_θ / (π_behaviour + 1e-6)   offline data whose author's probabilities
///                                                      are known (LUFFY, arXiv 2504.14945)
public enum ReferenceDenominator: String, Sendable, CaseIterable {
  case current
  case currentFromStart = "current_from_start"
  case updateStart = "update_start"
  case rollout
  case one
  case behaviour

  public var scope: PartScope { .token }

  /// Whether `π_θ / π_ref` can differ from 1.
  public var hasRatio: Bool { self != .current && self != .currentFromStart }
}

/// Over what the ratio `π_θ / π_ref` of a token is taken.
public enum RatioLevel: String, Sendable, CaseIterable {
  /// The token's own.
  case token
  /// `s = exp((1/T_i) Σ_t (log π_θ,t − log π_ref,t))` of its response, the gradient flowing through
  /// each token (GSPO, arXiv 2507.18071). With one Â per response GSPO and GSPO-token are the same.
  case sequence

  public var scope: PartScope { self == .token ? .token : .sequence }
}

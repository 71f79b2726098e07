/// `π_ref`, the denominator of the estimator: how strongly a rare token is boosted. Scope: token.
///
/// It is not the KL anchor and not always the rollout policy. The factor that a token's weight
/// carries is `π_θ / π_ref`:
///
///     current       1                       SFT, REINFORCE: the gradient of Â·log π_θ
///     update_start  exp(log π_θ − log π_old)     PPO, GRPO, Dr. GRPO, HPT
///     rollout       exp(log π_θ − log π_rollout) the same, against what the sampler stored
///     one           π_θ                     offline data: the gradient of Â·π_θ
public enum ReferenceDenominator: String, Sendable, CaseIterable {
  case current
  case updateStart = "update_start"
  case rollout
  case one

  public var scope: PartScope { .token }
}

// Supervised fine-tuning, REINFORCE and its baselines, PPO.
extension Algorithm {
  static let supervised = [
    CatalogEntry(
      "sft", .paper, "Supervised fine-tuning; every demonstration weighs the same.",
      equation: "L = mean over demonstrations of −(1/|τ*|) Σ_t log π_t",
      source: "arXiv 2509.04419, Table 1"
    ) {
      Algorithm(
        name: "sft", gate: Gate(.imitate), advantage: AdvantageEstimate(.reward),
        rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenMean))
    },
    CatalogEntry(
      "sft", .released, "Supervised fine-tuning; every token weighs the same.",
      equation: "L = −(1/T) Σ_τ* Σ_t log π_t", source: "HPT release"
    ) {
      Algorithm(
        name: "sft", gate: Gate(.imitate), advantage: AdvantageEstimate(.reward),
        rollouts: PolicyTerm(reference: .current, aggregation: .tokenMean))
    },
  ]

  static let reinforceFamily = [
    CatalogEntry(
      "reinforce", .paper, "REINFORCE with Â = +1 for a reward above 0, else −1.",
      equation: "L = −(1/S) Σ_i Σ_t Â_i log π_t,  Â_i = ±1", source: "arXiv 2509.04419, Table 1"
    ) {
      Algorithm(
        name: "reinforce", advantage: AdvantageEstimate(.signed),
        rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenSum))
    },
    CatalogEntry(
      "reinforce", .released, "REINFORCE; the reward is the advantage unless a baseline is chosen.",
      equation: "L = −(1/S) Σ_i Σ_t R_i log π_t", source: "verl"
    ) {
      Algorithm(
        name: "reinforce", advantage: AdvantageEstimate(.reward),
        rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenSum))
    },
    CatalogEntry(
      "rloo", "REINFORCE; the baseline is the mean of the group's other rewards.",
      equation: "L = −(1/S) Σ_i Σ_t Â_i log π_t,  Â_i = R_i − mean of the others",
      source: "arXiv 2402.14740; verl"
    ) {
      Algorithm(
        name: "rloo", advantage: AdvantageEstimate(.leaveOneOut),
        rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenSum))
    },
    CatalogEntry(
      "reinforce_plus_plus", "Discounted returns, whitened over the whole batch, with PPO's clip.",
      equation: "L = (1/T) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â),  Â_t = whiten(Σ_(s≥t) γ^(s−t) r_s)",
      source: "arXiv 2501.03262; verl"
    ) {
      Algorithm(
        name: "reinforce_plus_plus",
        advantage: AdvantageEstimate(.reward, discounted: true, whiten: .bessel),
        rollouts: PolicyTerm(reference: .updateStart, mask: .verl, aggregation: .tokenMean))
    },
    CatalogEntry(
      "reinforce_plus_plus_baseline", "REINFORCE++ on rewards less their group's mean.",
      equation: "L = (1/T) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â),  Â = whiten(R − mean)",
      source: "arXiv 2501.03262; verl"
    ) {
      Algorithm(
        name: "reinforce_plus_plus_baseline",
        advantage: AdvantageEstimate(.centered, whiten: .bessel),
        rollouts: PolicyTerm(reference: .updateStart, mask: .verl, aggregation: .tokenMean))
    },
    CatalogEntry(
      "ppo", "PPO with generalised advantage estimation and a trained critic.",
      equation:
        "L = (1/T) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â), at most −cÂ where Â < 0,  Â = whiten(GAE)",
      source: "arXiv 1707.06347, arXiv 1506.02438; verl"
    ) {
      Algorithm(
        name: "ppo", advantage: AdvantageEstimate(.gae, whiten: .bessel),
        rollouts: PolicyTerm(reference: .updateStart, mask: .verl, aggregation: .tokenMean),
        value: ValueTerm())
    },
    CatalogEntry(
      "offline_reinforce", "Rollouts as if they were given data: π_ref = 1.",
      equation: "L = −(1/C) Σ_i Σ_t Â_i π_t,  Â = R − mean", source: "arXiv 2509.04419, Table 1"
    ) {
      Algorithm(
        name: "offline_reinforce", advantage: AdvantageEstimate(.centered),
        rollouts: PolicyTerm(
          reference: .one, aggregation: Aggregation(.sequenceMeanTokenSumNorm)))
    },
    CatalogEntry(
      "opmd", "Online policy mirror descent: REINFORCE against a soft baseline.",
      equation: "L = −(1/(1+τ)) (1/T) Σ_i Σ_t Â_i log π_t,  Â = R − τ log mean exp(R/τ), τ = 1",
      source: "Trinity-RFT"
    ) {
      Algorithm(
        name: "opmd", advantage: AdvantageEstimate(.logAverageExp),
        rollouts: PolicyTerm(reference: .current, aggregation: .tokenMean, weight: 0.5))
    },
  ]
}

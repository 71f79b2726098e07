// GRPO and what came of it: other clips, ratios, filters and bundles.
extension Algorithm {
  private static let groupNormalized = AdvantageEstimate(.normalized)

  static let groupFamily = [
    CatalogEntry(
      "grpo", .paper, "GRPO: group-normalised reward, PPO clip, k3 in the loss.",
      equation:
        "L = (1/S) Σ_i (1/T_i) Σ_t [−min(rÂ, clip(r, 1∓ε)Â) + 0.04·k3],  Â = (R − mean)/(std + ε)",
      source: "arXiv 2402.03300"
    ) {
      Algorithm(
        name: "grpo", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: .sequenceMeanTokenMean),
        kl: KLPenalty(.k3, weight: 0.04))
    },
    CatalogEntry(
      "grpo", .released, "GRPO as verl ships it: token mean, dual clip, no KL.",
      equation: "L = (1/T) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â), at most −cÂ where Â < 0",
      source: "verl"
    ) {
      Algorithm(
        name: "grpo", advantage: groupNormalized,
        rollouts: PolicyTerm(reference: .updateStart, mask: .verl, aggregation: .tokenMean))
    },
    CatalogEntry(
      "dr_grpo", .paper, "Dr. GRPO as its authors train it (oat).",
      equation: "L = (1/(C·B)) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â),  Â = R − mean",
      source: "arXiv 2503.20783; oat"
    ) {
      Algorithm(
        name: "dr_grpo", advantage: AdvantageEstimate(.centered),
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2),
          aggregation: Aggregation(.batchMeanTokenSumNorm)),
        imitation: .imitation(.tokenMean))
    },
    CatalogEntry(
      "dr_grpo", .released, "Dr. GRPO as verl ships it: not divided by the number of responses.",
      equation: "L = (1/C) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â), at most −cÂ where Â < 0,  Â = R − mean",
      source: "verl"
    ) {
      Algorithm(
        name: "dr_grpo", advantage: AdvantageEstimate(.centered),
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .verl,
          aggregation: Aggregation(.sequenceMeanTokenSumNorm)),
        imitation: .imitation(.tokenMean))
    },
    CatalogEntry(
      "dapo", .paper, "DAPO: clip-higher, token mean per question, dynamic sampling.",
      equation:
        "L = mean_q (1/T_q) Σ_i Σ_t −min(rÂ, clip(r, 1−0.2, 1+0.28)Â), questions with 0 < solved < n",
      source: "arXiv 2503.14476"
    ) {
      Algorithm(
        name: "dapo", gate: Gate(.reinforce, spread: SpreadFilter(rule: .solved)),
        reward: RewardShaping(overlongFloor: true), advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.28), aggregation: Aggregation(.groupTokenMean)
        )
      )
    },
    CatalogEntry(
      "dapo", .released, "DAPO as verl's recipe runs it: token mean over the batch, dual clip 10.",
      equation: "L = (1/T) Σ_i Σ_t −min(rÂ, clip(r, 1−0.2, 1+0.28)Â), at most −10Â where Â < 0",
      source: "verl-recipe"
    ) {
      Algorithm(
        name: "dapo", gate: Gate(.reinforce, spread: SpreadFilter(whenShort: .fail)),
        advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart,
          mask: StabilizationMask(
            .clip, clipLow: 0.2, clipHigh: 0.28, dualClip: 10, logRatioClamp: 20),
          aggregation: .tokenMean))
    },
  ]

  static let ratioFamily = [
    CatalogEntry(
      "gspo", "GSPO: the ratio and its clip belong to the whole response.",
      equation: "L = (1/S) Σ_i −min(s_i Â, clip(s_i, 1−3e-4, 1+4e-4)Â),  s = exp(mean_t log r_t)",
      source: "arXiv 2507.18071; TRL"
    ) {
      Algorithm(
        name: "gspo", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, level: .sequence, mask: .clip(3e-4, 4e-4),
          aggregation: .sequenceMeanTokenMean))
    },
    CatalogEntry(
      "gspo_token", "GSPO with an advantage per token, here the discounted return.",
      equation: "L = (1/S) Σ_i (1/T_i) Σ_t −min(s_i Â_t, clip(s_i, 1−3e-4, 1+4e-4)Â_t)",
      source: "arXiv 2507.18071; TRL, verl"
    ) {
      Algorithm(
        name: "gspo_token",
        advantage: AdvantageEstimate(.normalized, discounted: true),
        rollouts: PolicyTerm(
          reference: .updateStart, level: .sequence, mask: .clip(3e-4, 4e-4),
          aggregation: .sequenceMeanTokenMean))
    },
    CatalogEntry(
      "cispo", .paper, "CISPO: the ratio is a capped weight, no token is ever masked.",
      equation: "L = −(1/T) Σ_i Σ_t sg(min(r, 5)) Â log π_t",
      source: "arXiv 2506.13585; TRL's cap, arXiv 2510.13786"
    ) {
      Algorithm(
        name: "cispo", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, mask: StabilizationMask(.cap, weightMax: 5),
          aggregation: .tokenMean))
    },
    CatalogEntry(
      "cispo", .released, "CISPO as verl's example runs it: the weight is at most 1.2.",
      equation: "L = −(1/T) Σ_i Σ_t sg(min(r, 1.2)) Â log π_t", source: "verl"
    ) {
      Algorithm(
        name: "cispo", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart,
          mask: StabilizationMask(.cap, logRatioClamp: 20, weightMax: 1.2),
          aggregation: .tokenMean))
    },
    CatalogEntry(
      "sapo", "SAPO: a smooth mask that fades with the distance of the ratio from 1.",
      equation: "L = (1/S) Σ_i (1/T_i) Σ_t −(4/τ) σ(τ(r−1)) Â,  τ = 1 where Â > 0, else 1.05",
      source: "arXiv 2511.20347; TRL, verl"
    ) {
      Algorithm(
        name: "sapo", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, mask: StabilizationMask(.smooth),
          aggregation: .sequenceMeanTokenMean))
    },
    CatalogEntry(
      "clip_cov",
      "GRPO; some tokens of high covariance lose their gradient, so that entropy lasts.",
      equation: "as GRPO, 0 at random tokens with 1 < C < 5,  C = (Â − mean)(log π − mean)",
      source: "arXiv 2505.22617; verl"
    ) {
      Algorithm(
        name: "clip_cov", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2),
          selection: TokenSelection(.clipCovariance), aggregation: .tokenMean))
    },
    CatalogEntry(
      "kl_cov", "GRPO without clip; the tokens of highest covariance are pulled back.",
      equation: "L = (1/T) Σ_i Σ_t [−rÂ + 0.1·|log r| at the largest C]",
      source: "arXiv 2505.22617; verl"
    ) {
      Algorithm(
        name: "kl_cov", advantage: groupNormalized,
        rollouts: PolicyTerm(
          reference: .updateStart, selection: TokenSelection(.klCovariance),
          aggregation: .tokenMean))
    },
  ]

  static let filterFamily = [
    CatalogEntry(
      "gfpo", .paper, "GFPO: the k shortest rollouts train; all of them count in the normaliser.",
      equation: "as GRPO over the kept set S,  Â = (R − mean_S)/std_S, 0 outside, 1/T over all",
      source: "arXiv 2508.09726"
    ) {
      Algorithm(
        name: "gfpo", gate: Gate(.reinforce, filter: SampleFilter(keep: 4)),
        advantage: AdvantageEstimate(.normalized, stdEpsilon: 0, bessel: false),
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: .tokenMean),
        entropy: EntropyBonus(weight: 0.001), kl: KLPenalty(.k3, weight: 0.001))
    },
    CatalogEntry(
      "gfpo", .released, "GFPO as TRL had it: rejected rollouts leave the batch.",
      equation: "as GRPO over the kept set S,  Â = (R − mean_S)/(std_S + 1e-4), 1/T over S",
      source: "TRL 1.7"
    ) {
      Algorithm(
        name: "gfpo",
        gate: Gate(
          .reinforce, filter: SampleFilter(keep: 4, keepsRejectedInNormalizer: false)),
        advantage: AdvantageEstimate(.normalized, stdEpsilon: 1e-4),
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: .tokenMean))
    },
    CatalogEntry(
      "gvpo", .paper, "GVPO: zero-sum weights whose optimum is that of KL-constrained reward.",
      equation:
        "L = mean_q ½ Σ_i w_i²/(k−1),  w = (R − R̄) − (R_θ − R̄_θ),  R_θ = β Σ_t log(π_θ/π′)",
      source: "arXiv 2504.19599"
    ) { gvpo(Aggregation(.groupSum), .miniBatch) },
    CatalogEntry(
      "gvpo", .released,
      "GVPO as its authors run it: summed over questions, mean over micro-batches.",
      equation: "L = mean over micro-batches of Σ_q ½ Σ_i w_i²/(k−1)", source: "authors' code"
    ) { gvpo(Aggregation(.sum), .microBatchMean) },
  ]

  private static func gvpo(_ aggregation: Aggregation, _ scope: NormalizerScope) -> Algorithm {
    let term = PolicyTerm(
      reference: .current, credit: Credit(.implicitReward, beta: 0.1), aggregation: aggregation)
    return Algorithm(
      name: "gvpo", advantage: AdvantageEstimate(.centered), rollouts: term, offPolicy: term,
      imitation: .imitation(.tokenMean), normalizerScope: scope)
  }

  static let riskFamily = [
    CatalogEntry(
      "riskpo", .paper, "RiskPO: bundles of questions, mixed value at risk, sequence ratio.",
      equation:
        "L = (1/S) Σ_i −min(s_i Â, clip(s_i, 1∓0.2)Â),  Â = −ω(Q_α − R_B)₊ − (Q_β − R_B)₊",
      source: "arXiv 2510.00911"
    ) {
      Algorithm(
        name: "riskpo", advantage: AdvantageEstimate(.riskBundle),
        rollouts: PolicyTerm(
          reference: .updateStart, level: .sequence, mask: .clip(0.2, 0.2),
          aggregation: .sequenceMeanTokenMean))
    },
    CatalogEntry(
      "riskpo", .released, "RiskPO as its script for hard mathematics runs it.",
      equation: "as GRPO's clip per token,  Â = the bundle's risk score / std, shared by deviation",
      source: "authors' code"
    ) {
      // The shipped trainer loses its tracked quantiles before they are used: it runs on those of
      // the bundle at hand.
      var risk = RiskMeasure.releasedHard
      risk.quantiles = .batch
      return Algorithm(
        name: "riskpo", advantage: AdvantageEstimate(.riskBundle, risk: risk),
        rollouts: PolicyTerm(
          reference: .updateStart,
          mask: StabilizationMask(.clip, clipLow: 0.2, clipHigh: 0.2, dualClip: 3),
          aggregation: .tokenMean))
    },
  ]

  static let preferenceFamily = [
    CatalogEntry(
      "dpo", "DPO on pairs of a group's verdicts, or on imported pairs.",
      equation: "L = mean over pairs of −log σ(β[log(π/π′)(chosen) − log(π/π′)(rejected)])",
      source: "arXiv 2305.18290; TRL, ms-swift"
    ) {
      let term = PolicyTerm(
        reference: .current, credit: Credit(.preference, beta: 0.1, against: .anchor),
        aggregation: Aggregation(.pairSum))
      return Algorithm(
        name: "dpo", advantage: AdvantageEstimate(.preference), rollouts: term, offPolicy: term,
        imitation: .imitation(.tokenMean))
    }
  ]
}

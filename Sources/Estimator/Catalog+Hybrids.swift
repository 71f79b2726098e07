// Demonstrations beside rollouts: mixtures, sequences, and HPT.
extension Algorithm {
  /// LUFFY's term of demonstrations: π_ref = 1, shaped by p / (p + 0.1).
  private static func shaped(_ aggregation: Aggregation) -> PolicyTerm {
    PolicyTerm(
      reference: .one, shape: ShapingFunction(.fraction, constant: 0.1), aggregation: aggregation)
  }

  private static let sumOverConstant = Aggregation(.sequenceMeanTokenSumNorm)

  static let mixedFamily = [
    CatalogEntry(
      "luffy", .paper, "LUFFY: the demonstration is a member of its group, policy shaping.",
      equation:
        "L = (1/C) [Σ_rollouts Σ_t −rÂ + Σ_demonstrations Σ_t −Â·f(π)],  f = p/(p+0.1), "
        + "Â = (R − mean)/(std + ε) over both",
      source: "arXiv 2504.14945"
    ) { luffy(AdvantageEstimate(.normalized)) },
    CatalogEntry(
      "luffy", .released, "LUFFY as its script runs it: no division by the standard deviation.",
      equation:
        "L = (1/C) [Σ_rollouts Σ_t −rÂ + Σ_demonstrations Σ_t −Â·f(π)] − 0.001 · entropy, "
        + "Â = R − mean",
      source: "LUFFY and HPT releases"
    ) {
      var algorithm = luffy(AdvantageEstimate(.centered))
      algorithm.entropy = EntropyBonus(weight: 0.001)
      return algorithm
    },
    CatalogEntry(
      "srft", .paper, "SRFT: both kinds of data at once, weighted by the policy's entropy.",
      equation:
        "L = (1/C) [Σ_rollouts c·(−log π) + Σ_demonstrations −Â·f(π)] + mean −0.5·exp(−H)·log π, "
        + "c = 0.1·exp(H) if right, else −1,  Â over both, divided by std",
      source: "arXiv 2506.19767, second-hand"
    ) { srft(AdvantageEstimate(.normalized)) },
    CatalogEntry(
      "srft", .released, "SRFT as the HPT release has it: no division by the standard deviation.",
      equation:
        "L = (1/C) [Σ_rollouts c·(−log π) + Σ_demonstrations −Â·f(π)] + mean −0.5·exp(−H)·log π, "
        + "c = 0.1·exp(H) if right, else −1,  Â = R − mean over both",
      source: "HPT release"
    ) { srft(AdvantageEstimate(.centered)) },
  ]

  private static func luffy(_ advantage: AdvantageEstimate) -> Algorithm {
    Algorithm(
      name: "luffy", gate: Gate(.join, demonstrationWeight: 0), advantage: advantage,
      rollouts: PolicyTerm(reference: .updateStart, aggregation: sumOverConstant),
      offPolicy: shaped(sumOverConstant), imitation: .imitation(.tokenMean))
  }

  private static func srft(_ advantage: AdvantageEstimate) -> Algorithm {
    Algorithm(
      name: "srft", gate: Gate(.join), advantage: advantage,
      rollouts: PolicyTerm(
        reference: .current, credit: Credit(.entropySign, positive: 0.1, negative: 1),
        aggregation: sumOverConstant),
      offPolicy: shaped(sumOverConstant),
      imitation: PolicyTerm(
        reference: .current, credit: Credit(.entropyDecay, positive: 0.5),
        aggregation: .tokenMean))
  }

  static let hybridFamily = [
    CatalogEntry(
      "sft_rl", "SFT first, then GRPO, by schedule.",
      equation: "L = SFT at steps below gate.sft_steps, then (1/C) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â)",
      source: "LUFFY's repository; arXiv 2509.04419, baselines"
    ) {
      Algorithm(
        name: "sft_rl", gate: Gate(.reinforce, imitationSteps: 50),
        advantage: AdvantageEstimate(.centered),
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: sumOverConstant),
        imitation: .imitation(.tokenMean))
    },
    CatalogEntry(
      "hpt", .paper, "Hybrid post-training by the paper's per-question loss.",
      equation:
        "L = mean_q [α (1/n) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â) + β (1/|τ*|) Σ_t −log π_t], "
        + "(α, β) = (1, 0) if P > γ else (0, 1),  Â = R − mean",
      source: "arXiv 2509.04419"
    ) {
      Algorithm(
        name: "hpt", gate: Gate(.switch, thresholdShare: 0),
        advantage: AdvantageEstimate(.centered),
        rollouts: PolicyTerm(
          reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: .groupMeanTokenSum),
        offPolicy: shaped(.groupMeanTokenSum), imitation: .imitation(.groupMeanTokenMean))
    },
    // α and β are no factors in the release: the gate decides which rows exist, which is the same as
    // long as they are 0 and 1. Its SFT factor is 0.3 for the 1.5B model.
    CatalogEntry(
      "hpt", .released, "Hybrid post-training as released: HPT's published runs.",
      equation:
        "L = (1/C) Σ_rollouts Σ_t −rÂ + w_sft · mean over demonstration tokens of −log π_t"
        + " − 0.001 · mean token entropy,  SFT where solved ≤ count,  Â = R − mean",
      source: "HPT release"
    ) {
      Algorithm(
        name: "hpt", gate: Gate(.switch), advantage: AdvantageEstimate(.centered),
        rollouts: PolicyTerm(reference: .updateStart, aggregation: sumOverConstant),
        offPolicy: shaped(sumOverConstant), imitation: .imitation(.tokenMean),
        entropy: EntropyBonus(weight: 0.001))
    },
  ]
}

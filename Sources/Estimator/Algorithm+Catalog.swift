/// A named algorithm in one of its forms: what `pipeline algorithms` lists.
public struct CatalogEntry: Sendable {
  public let name: String
  public let form: Algorithm.Form
  /// One sentence.
  public let summary: String
  /// The loss to minimise.
  public let equation: String
  /// Builds it; `constant` is `C` of the aggregations that divide by one.
  let build: @Sendable (_ constant: Double?) throws(EstimatorError) -> Algorithm
}

extension Algorithm {
  /// Every algorithm in every form, in the order in which it is listed. Where an algorithm has one
  /// form only, both names mean it.
  public static let catalog: [CatalogEntry] =
    [sftPaper, sftReleased, reinforcePaper, reinforceReleased, grpoPaper, grpoReleased]
    + [drGRPOPaper, drGRPOReleased, hptPaper, hptReleased]

  /// The catalogue's names, each once.
  public static var names: [String] {
    var names: [String] = []
    for entry in catalog where !names.contains(entry.name) { names.append(entry.name) }
    return names
  }

  /// SFT: mask 1, π_ref = π_θ, Â = 1 (arXiv 2509.04419, Table 1).
  private static let sftPaper = CatalogEntry(
    name: "sft", form: .paper,
    summary: "Supervised fine-tuning; every demonstration weighs the same.",
    equation: "L = mean over demonstrations of −(1/|τ*|) Σ_t log π_t"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "sft", form: .paper, gate: Gate(.imitate), advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenMean),
      demonstrations: .imitation(.sequenceMeanTokenMean))
  }

  /// The HPT release: one mean over all demonstration tokens.
  private static let sftReleased = CatalogEntry(
    name: "sft", form: .released, summary: "Supervised fine-tuning; every token weighs the same.",
    equation: "L = −(1/T) Σ_τ* Σ_t log π_t"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "sft", form: .released, gate: Gate(.imitate), advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(reference: .current, aggregation: .tokenMean),
      demonstrations: .imitation(.tokenMean))
  }

  /// REINFORCE as Table 1 of arXiv 2509.04419 has it: Â = ±1.
  private static let reinforcePaper = CatalogEntry(
    name: "reinforce", form: .paper,
    summary: "REINFORCE with Â = +1 for a reward above 0, else −1.",
    equation: "L = −(1/S) Σ_i Σ_t Â_i log π_t,  Â_i = ±1"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "reinforce", form: .paper, gate: Gate(.reinforce),
      advantage: AdvantageEstimate(.signed),
      rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenSum),
      demonstrations: .imitation(.sequenceMeanTokenSum))
  }

  /// verl's loss, without baseline unless `advantage` says otherwise.
  private static let reinforceReleased = CatalogEntry(
    name: "reinforce", form: .released, summary: "REINFORCE; the reward is the advantage.",
    equation: "L = −(1/S) Σ_i Σ_t R_i log π_t"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "reinforce", form: .released, gate: Gate(.reinforce),
      advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(reference: .current, aggregation: .sequenceMeanTokenSum),
      demonstrations: .imitation(.sequenceMeanTokenSum))
  }

  /// arXiv 2402.03300: mean per response, k3 penalty 0.04 in the loss, clip without dual clip.
  private static let grpoPaper = CatalogEntry(
    name: "grpo", form: .paper, summary: "GRPO: group-normalised reward, PPO clip, k3 in the loss.",
    equation:
      "L = (1/S) Σ_i (1/T_i) Σ_t [−min(rÂ, clip(r, 1∓ε)Â) + 0.04·k3],  Â = (R − mean)/(std + ε)"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "grpo", form: .paper, gate: Gate(.reinforce),
      advantage: AdvantageEstimate(.normalized(epsilon: 1e-6, bessel: true)),
      rollouts: PolicyTerm(
        reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: .sequenceMeanTokenMean),
      demonstrations: .imitation(.sequenceMeanTokenMean), kl: KLPenalty(.k3, weight: 0.04))
  }

  /// verl's default: one mean over all tokens, dual clip 3, log-ratios clamped to ±20, no penalty.
  private static let grpoReleased = CatalogEntry(
    name: "grpo", form: .released, summary: "GRPO as verl ships it: token mean, dual clip, no KL.",
    equation: "L = (1/T) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â), at most −cÂ where Â < 0"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "grpo", form: .released, gate: Gate(.reinforce),
      advantage: AdvantageEstimate(.normalized(epsilon: 1e-6, bessel: true)),
      rollouts: PolicyTerm(reference: .updateStart, mask: .verl, aggregation: .tokenMean),
      demonstrations: .imitation(.tokenMean))
  }

  /// arXiv 2503.20783 and its authors' trainer (oat): no std, no length; mean over responses.
  private static let drGRPOPaper = CatalogEntry(
    name: "dr_grpo", form: .paper, summary: "Dr. GRPO as its authors train it (oat).",
    equation: "L = (1/(C·B)) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â),  Â = R − mean"
  ) { constant throws(EstimatorError) in
    let aggregation = try Aggregation(named: "batch_mean_token_sum_norm", constant: constant)
    return Algorithm(
      name: "dr_grpo", form: .paper, gate: Gate(.reinforce),
      advantage: AdvantageEstimate(.centered),
      rollouts: PolicyTerm(
        reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: aggregation),
      demonstrations: .imitation(.tokenMean))
  }

  /// verl: the sum over a constant, *not* divided by the number of responses.
  private static let drGRPOReleased = CatalogEntry(
    name: "dr_grpo", form: .released, summary: "Dr. GRPO as verl ships it.",
    equation: "L = (1/C) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â), at most −cÂ where Â < 0,  Â = R − mean"
  ) { constant throws(EstimatorError) in
    let aggregation = try Aggregation(named: "seq_mean_token_sum_norm", constant: constant)
    return Algorithm(
      name: "dr_grpo", form: .released, gate: Gate(.reinforce),
      advantage: AdvantageEstimate(.centered),
      rollouts: PolicyTerm(reference: .updateStart, mask: .verl, aggregation: aggregation),
      demonstrations: .imitation(.tokenMean))
  }

  /// arXiv 2509.04419: per question, 1/n over rollouts and 1/|τ*| over the demonstration; the RL part
  /// is clipped (eq. 11). A mini-batch takes the mean over its questions.
  private static let hptPaper = CatalogEntry(
    name: "hpt", form: .paper, summary: "Hybrid post-training by the paper's per-question loss.",
    equation:
      "L = mean_q [α (1/n) Σ_i Σ_t −min(rÂ, clip(r, 1∓ε)Â) + β (1/|τ*|) Σ_t −log π_t],"
      + "  (α, β) = (1, 0) if P > γ else (0, 1),  Â = R − mean"
  ) { _ throws(EstimatorError) in
    Algorithm(
      name: "hpt", form: .paper, gate: Gate(.switch(.share(0))),
      advantage: AdvantageEstimate(.centered),
      rollouts: PolicyTerm(
        reference: .updateStart, mask: .clip(0.2, 0.2), aggregation: .groupMeanTokenSum),
      demonstrations: .imitation(.groupMeanTokenMean))
  }

  /// The released trainer: no clip, sum over a constant, one mean over demonstration tokens, entropy
  /// bonus over all rows. Its SFT factor is 0.3 for the 1.5B model. α and β are no factors there: the
  /// gate decides which rows exist, which is the same as long as they are 0 and 1.
  private static let hptReleased = CatalogEntry(
    name: "hpt", form: .released,
    summary: "Hybrid post-training as released: HPT's published runs.",
    equation:
      "L = (1/C) Σ_rollouts Σ_t −rÂ + w_sft · mean over demonstration tokens of −log π_t"
      + " − 0.001 · mean token entropy,  SFT where solved ≤ count,  Â = R − mean"
  ) { constant throws(EstimatorError) in
    let aggregation = try Aggregation(named: "seq_mean_token_sum_norm", constant: constant)
    return Algorithm(
      name: "hpt", form: .released, gate: Gate(.switch(.count(0, offCount: nil))),
      advantage: AdvantageEstimate(.centered),
      rollouts: PolicyTerm(reference: .updateStart, aggregation: aggregation),
      demonstrations: .imitation(.tokenMean), entropy: EntropyBonus(weight: 0.001))
  }
}

extension MetricRegistry {
  static let stability: [Metric] = [
    Metric(
      "mismatch/max", "log-probability mismatch", unit: "nats", .stability, .optimizer,
      "Largest difference between a log-probability that the sampler stored and the one that training "
        + "computes on the same weights, over the first update's rollouts",
      formula: "max |log π_stored − log π_θ|",
      aliases: [.trl("sampling/sampling_logp_difference/max")]),
    Metric(
      "mismatch/tokens", "tokens compared", unit: "tokens", .stability, .optimizer,
      "Tokens over which the mismatch was measured: those sampled by the weights that train on them"
    ),
    Metric(
      "gradient_norm", "gradient norm", .stability, .optimizer,
      "Mean over the step's updates of the gradient's norm before it is clipped", formula: "‖∇L‖₂",
      aliases: [.verl("actor/grad_norm"), .trl("grad_norm")]),
    Metric(
      "learning_rate", "learning rate", .stability, .optimizer,
      "Of the step's last update",
      aliases: [.verl("actor/lr"), .trl("learning_rate")]),
    Metric(
      "updates", "updates", .stability, .optimizer, "Updates that the step's batch was cut into"),
    Metric(
      "updates/skipped", "updates skipped", .stability, .optimizer,
      "Updates that left the weights as they were: an infinite norm, one above optimizer.skip_norm, or "
        + "the critic's warm-up"),
    Metric(
      "policy/entropy", "entropy", unit: "nats", .stability, .optimizer,
      "Mean entropy of the next token over all trained tokens", formula: "−Σ_v π_θ(v) log π_θ(v)",
      aliases: [
        .verl(
          "actor/entropy",
          "verl's is before the update and over rollouts only; ours counts demonstrations too"),
        .trl("entropy", "ours counts demonstrations' tokens too"),
      ]),
    Metric(
      "policy/clip_share", "clipped tokens", unit: "share", .stability, .optimizer,
      "Share of the rollouts' trained tokens whose gradient the clip took away",
      formula: "#{t: r_t outside the clip, on the side its advantage pushes to} / n",
      aliases: [.verl("actor/pg_clipfrac"), .trl("clip_ratio/region_mean")]),
    Metric(
      "policy/ratio_mean", "ratio", .stability, .optimizer,
      "Mean ratio of the current policy to the reference, over the rollouts' trained tokens; 1 without "
        + "any", formula: "Σ π_θ/π_ref / n"),
    Metric(
      "policy/reference_kl", "KL to the reference", unit: "nats", .stability, .optimizer,
      "Mean of the log-ratio of reference to current policy over the rollouts' trained tokens: how far "
        + "the step's updates have gone", formula: "Σ (log π_ref − log π_θ) / n",
      aliases: [
        .verl("actor/ppo_kl", "the same where the reference is the policy at the start of the step")
      ]),
    Metric(
      "policy/anchor_kl", "KL to the anchor", unit: "nats", .stability, .optimizer,
      "Mean KL estimate to the frozen anchor over the rollouts' trained tokens",
      formula: "Σ k(log π_θ − log π_anchor) / n",
      presence: "with a KL penalty in the loss, and only where it is not 0",
      aliases: [
        .verl("actor/kl_loss", "verl's is aggregated as its loss is; ours is the mean of tokens"),
        .trl("kl"),
      ]),
    Metric(
      "critic/clip_share", "clipped values", unit: "share", .stability, .optimizer,
      "Share of the rollouts' tokens on which the clipped value error was the larger one",
      presence: "with a critic", aliases: [.verl("critic/vf_clipfrac")]),
    Metric(
      "critic/gradient_norm", "critic's gradient norm", .stability, .optimizer,
      "Mean over the step's updates of the critic's gradient norm before it is clipped",
      formula: "‖∇L_V‖₂", presence: "with a critic", aliases: [.verl("critic/grad_norm")]),
    Metric(
      "verifier/errors", "verifier errors", unit: "rollouts", .stability, .loss,
      "Rollouts on which their verifier had no verdict: counted neither as right nor as wrong"),
  ]
}

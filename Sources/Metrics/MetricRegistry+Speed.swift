extension MetricRegistry {
  static let speed: [Metric] =
    [
      Metric(
        "seconds/optimizer", "optimizer", unit: "seconds", .speed, .optimizer,
        "Time of the optimizer's step, scoring passes, critic and digest included",
        isVolatile: true,
        aliases: [
          .verl(
            "timing_s/update_actor",
            "ours holds old_log_prob and update_critic as well, which verl times apart")
        ]),
      Metric(
        "tokens_per_second/optimizer", "tokens a second", unit: "tokens/s", .speed, .optimizer,
        "Trained tokens of the step by the optimizer's time",
        formula: "(tokens/rollout + tokens/off_policy + tokens/demonstration) / seconds/optimizer",
        isVolatile: true),
      Metric(
        "memory/peak_bytes", "peak memory", unit: "bytes", .speed, .optimizer,
        "Most memory that the optimizer's process has held since it began", isVolatile: true),
    ]
    + [
      part(
        "scoring", "Passes that give log-probabilities before the update's own",
        presence: "where an update needs them", aliases: [.verl("timing_s/old_log_prob")]),
      part("forward", "Forward passes of the updates"),
      part("estimator", "Loss, its derivatives, and the comparison with what the sampler stored"),
      part("backward", "Backward passes of the updates"),
      part(
        "critic", "The critic's passes", presence: "with a critic",
        aliases: [.verl("timing_s/update_critic", "ours is without the critic's AdamW")]),
      part("update", "Gradient norms and AdamW, the critic's included"),
      part("digest", "Digest of the new weights"),
    ]

  private static func part(
    _ name: String, _ definition: String, presence: String? = nil, aliases: [MetricAlias] = []
  ) -> Metric {
    Metric(
      "seconds/\(name)", name, unit: "seconds", .speed, .optimizer,
      "\(definition), summed over the step", presence: presence, isVolatile: true, aliases: aliases)
  }
}

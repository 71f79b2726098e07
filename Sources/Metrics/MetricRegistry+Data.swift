extension MetricRegistry {
  static let data: [Metric] = [
    Metric(
      "gate/sft", "imitated", unit: "share", .data, .loss,
      "Share of the step's questions that are trained on a demonstration",
      formula: "#{q: P_q ≤ γ} / #q under HPT"),
    Metric(
      "gate/rl", "reinforced", unit: "share", .data, .loss,
      "Share of the step's questions that are trained on their rollouts; of a mixture a question counts "
        + "here and under gate/sft", formula: "#{q: P_q > γ} / #q under HPT"),
    Metric(
      "gate/dropped", "dropped", unit: "share", .data, .loss,
      "Share of the step's questions that are not trained, each with its reason in the queue"),
    Metric(
      "gate/waves", "waves", .data, .loss,
      "Waves of prompts that the step took until its batch was full",
      presence: "where it took more than one"),
    Metric(
      "response/length_mean", "response length", unit: "tokens", .data, .loss,
      "Mean length of the step's rollouts", formula: "Σ |y| / n",
      presence: "in steps with rollouts",
      aliases: [.verl("response_length/mean"), .trl("completions/mean_length")]),
    Metric(
      "response/cut_share", "responses cut", unit: "share", .data, .loss,
      "Share of rollouts that were cut at rollout.maximum_tokens before they ended",
      presence: "in steps with rollouts",
      aliases: [
        .verl(
          "response_length/clip_ratio", "verl counts one that ends right at the limit as cut too"),
        .trl("completions/clipped_ratio"),
      ]),
    Metric(
      "tokens/sampled", "tokens sampled", unit: "tokens", .data, .loss,
      "Tokens of the step's rollouts, those of dropped questions too",
      presence: "in steps with rollouts"),
    Metric(
      "tokens/rollout", "rollout tokens trained", unit: "tokens", .data, .optimizer,
      "Tokens of rollouts that carried a loss; a token counts once for every epoch over the batch"),
    Metric(
      "tokens/demonstration", "demonstration tokens trained", unit: "tokens", .data, .optimizer,
      "Tokens of imitated demonstrations that carried a loss, once for every epoch"),
    Metric(
      "tokens/off_policy", "off-policy tokens trained", unit: "tokens", .data, .optimizer,
      "Tokens of demonstrations that were trained as members of their group, once for every epoch",
      presence: "where there are any"),
  ]
}

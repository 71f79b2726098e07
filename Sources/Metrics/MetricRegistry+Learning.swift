extension MetricRegistry {
  static let learning: [Metric] = [
    Metric(
      "reward/mean", "reward", .learning, .loss,
      "Mean reward of the step's rollouts, those apart on which the verifier had no verdict",
      formula: "Σ r / n", presence: "in steps with rollouts",
      aliases: [
        .verl(
          "critic/score/mean",
          "verl's is over the batch that is trained; ours counts groups that the gate dropped too"),
        .trl("reward"),
      ]),
    Metric(
      "rollout/accuracy", "rollout accuracy", unit: "share", .learning, .loss,
      "Share of rollouts that solved their question, whatever the reward is made of",
      formula: "Σ solved / Σ total", presence: "in steps with rollouts"),
    Metric(
      "rollout/all_right", "all right", unit: "share", .learning, .loss,
      "Share of questions that every rollout solved", formula: "#{q: P_q = 1} / #q",
      presence: "in steps with rollouts",
      aliases: [.hpt("batch/solve_all", "HPT counts questions; ours is their share")]),
    Metric(
      "rollout/all_wrong", "all wrong", unit: "share", .learning, .loss,
      "Share of questions that no rollout solved", formula: "#{q: P_q = 0} / #q",
      presence: "in steps with rollouts",
      aliases: [.hpt("batch/solve_none", "HPT counts questions; ours is their share")]),
    Metric(
      "accuracy/source/NAME", "accuracy by source", unit: "share", .learning, .loss,
      "Rollout accuracy of the questions of one data source", formula: "Σ solved / Σ total",
      presence: "in steps with rollouts of that source"),
    Metric(
      "accuracy/level/NAME", "accuracy by level", unit: "share", .learning, .loss,
      "Rollout accuracy of the questions whose tag `level` is this",
      formula: "Σ solved / Σ total", presence: "in steps with rollouts of that level"),
    Metric(
      "loss", "loss", .learning, .optimizer,
      "Mean over the step's updates of the scalar that each minimised",
      formula: "L_policy + L_off + L_sft − w_H · H + w_KL · KL",
      aliases: [.trl("loss", "TRL's is the mean since it logged last")]),
    Metric(
      "imitation/surprisal", "surprisal of demonstrations", unit: "nats", .learning, .optimizer,
      "Mean surprisal of the demonstrations' trained tokens; 0 without any",
      formula: "−Σ log π_θ / n"),
    Metric(
      "critic/loss", "critic's loss", .learning, .optimizer,
      "Mean over the step's updates of the value loss, clipped around the rollout's values",
      formula: "½ · max((v − R)², (clip(v) − R)²), aggregated", presence: "with a critic",
      aliases: [.verl("critic/vf_loss")]),
    Metric(
      "critic/error", "critic's error", .learning, .optimizer,
      "Root of the mean squared difference of value and return, over the rollouts' tokens",
      formula: "√(Σ (v − R)² / n)", presence: "with a critic"),
    Metric(
      "critic/value_mean", "value", .learning, .optimizer,
      "Mean value that the critic being trained gives to the rollouts' tokens", formula: "Σ v / n",
      presence: "with a critic", aliases: [.verl("critic/vpred_mean")]),
    Metric(
      "critic/return_mean", "return", .learning, .optimizer,
      "Mean return of the rollouts' tokens", formula: "Σ R / n", presence: "with a critic",
      aliases: [
        .verl("critic/returns/mean", "ours counts a token once for every epoch over the batch")
      ]),
  ]
}

import Records

/// One record of each kind, with every list filled.
enum SampleRecords {
  static let all: [any StoredRecord] = [
    prompt, rollouts, verdicts, decision, batch, update, demand,
  ]

  private static let prompt = PromptRecord(
    step: 3, wave: 1, epoch: 2, position: 77, dataset: 0, rollouts: 4,
    prompt: Prompt(
      id: "row-1", content: .messages([Message(role: "user", content: "12 + 7 = ?")]),
      groundTruth: "19", demonstrations: ["19"], rejected: ["20"], source: "ladder",
      tags: ["level": "1", "é": "x"]))

  private static let trajectory = Trajectory(
    tokens: [1, 2, 3], spans: [Span(trained: false, count: 1), Span(role: .tool, count: 2)],
    logProbabilities: [-0.5, -1, -2], finish: .length,
    quantities: [RecordedQuantity(name: "entropy", values: [1, 2, 3])])

  private static let rollouts = RolloutRecord(
    policyVersion: 3, weightsDigest: Array(repeating: 7, count: 32), promptTokens: [5, 6],
    demonstrations: [trajectory], rejected: [trajectory], rollouts: [trajectory, trajectory],
    seconds: 0.25)

  private static let verdicts = VerdictRecord(
    verdicts: [
      Verdict(
        outcome: .scored(reward: 1, components: [RewardComponent(name: "format", value: 1)]),
        extracted: "19", span: 3..<5, rule: "integer-equal", critique: "fine"),
      Verdict(outcome: .error("no answer"), rule: "error"),
    ], seconds: [0.5, 0.25])

  private static let decision = DecisionRecord(
    kept: [0, 2], idle: [1], demonstration: .both, rolloutWeight: 1, demonstrationWeight: 0.5,
    solved: 1, total: 3, drop: nil, rule: "hpt")

  private static let batch = LossBatchRecord(
    step: 3, firstGroup: 12, endGroup: 16,
    groups: [
      LossGroup(
        group: 12, rolloutWeight: 1, demonstrationWeight: 0,
        rows: [
          LossRow(source: .rollout(0), advantages: [1], returns: [0.5], reward: 1),
          LossRow(source: .rejected(1), advantages: [-1, 0], reward: .nan, isIdle: true),
        ], pairs: [LossPair(chosen: 0, rejected: 1)])
    ], drops: [LossDrop(group: 13, reason: "surplus")], updates: [[0], [0]],
    metrics: [Measurement("reward/mean", 0.5)])

  private static let update = UpdateRecord(
    step: 3, weightsDigest: Array(repeating: 1, count: 32),
    criticDigest: Array(repeating: 2, count: 32), adamUpdates: 8,
    metrics: [Measurement("loss", 0.1)], updates: [[Measurement("norm", 1)]],
    logProbabilities: [[-1, -2]], timings: [Measurement("seconds", 1)])

  private static let demand = DemandRecord(step: 3, wave: 2, missing: 5)
}

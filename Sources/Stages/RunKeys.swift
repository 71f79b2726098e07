public import Definition
import Policy

/// Every key of a definition, section by section in the order of the pipeline. The sections' own
/// keys stand with the stage that reads them.
public enum RunKeys {
  public static let schema = Schema(
    top + ModelSettings.keys + AdapterKeys.keys + ReaderSettings.keys + RolloutSettings.keys
      + VerifierSettings.keys
      + AlgorithmSettings.keys + LossSettings.keys + OptimizerSettings.keys
      + CheckpointSettings.keys + RetentionSettings.keys + MetricsSettings.keys
      + EvaluationSettings.keys + ComputeSettings.keys)

  private static let top: [Key] = [
    Key(
      "seed", .integer(0...Int.max), default: .integer(17),
      meaning: "Fixes every random number of the run: order of prompts, sampling, initial weights."),
    Key(
      "steps", .integer(1...10_000_000), role: .operational,
      meaning:
        "Steps to train; a step works off one loss batch and raises the policy version by one."),
    Key(
      "numerics", .choice(Numerics.allCases.map(\.rawValue)), default: .text("exact"),
      role: .operational,
      meaning:
        "Of decoding that nothing trains on, the evaluations': exact computes as training does, "
        + "fast in bf16 where the processor has it. Training rollouts are exact."),
  ]
}

import Definition
import Estimator
import Policy

/// Section `optimizer`: AdamW, its schedule, and the guards of an update.
public struct OptimizerSettings: Sendable, Equatable {
  public var learningRate: Double
  public var warmupUpdates: Int
  public var schedule: String
  public var decayUpdates: Int
  public var finalShare: Double
  public var beta1: Double
  public var beta2: Double
  public var adamEpsilon: Double
  public var weightDecay: Double
  public var gradientClip: Double
  public var skipNorm: Double?
  public var microBatchGroups: Int
  public var gradientCheckpointing: Bool
  public var mismatchBound: Double?
  public var record: [String]
  public var restartsAfterSFT: Bool
  public var criticLearningRate: Double
  public var criticWarmupSteps: UInt64

  static let keys: [Key] = [
    Key(
      "optimizer.learning_rate", .number(0...10), default: .number(1e-4),
      meaning: "Learning rate after the warm-up."),
    Key(
      "optimizer.warmup_updates", .integer(0...10_000_000), default: .integer(0), unit: "updates",
      meaning: "Updates over which the learning rate rises linearly from 0."),
    Key(
      "optimizer.schedule", .choice(["constant", "linear", "cosine"]), default: .text("constant"),
      meaning: "How the learning rate goes on after the warm-up."),
    Key(
      "optimizer.decay_updates", .integer(0...10_000_000), default: .integer(0), unit: "updates",
      meaning: "Update at which the decay ends; required by linear and cosine."),
    Key(
      "optimizer.final_share", .number(0...1), default: .number(0),
      meaning: "Share of the learning rate that is left at the decay's end."),
    Key(
      "optimizer.beta1", .number(0...0.999999), default: .number(0.9),
      meaning: "Decay of Adam's first moment."),
    Key(
      "optimizer.beta2", .number(0...0.999999), default: .number(0.999),
      meaning: "Decay of Adam's second moment."),
    Key(
      "optimizer.adam_epsilon", .number(Double.leastNonzeroMagnitude...1), default: .number(1e-8),
      meaning: "Added to the root of the second moment."),
    Key(
      "optimizer.weight_decay", .number(0...10), default: .number(0.01),
      meaning: "Decoupled weight decay, on every parameter."),
    Key(
      "optimizer.gradient_clip", .number(Double.leastNonzeroMagnitude ... .infinity),
      default: .number(1),
      meaning: "The gradient is scaled down to this global norm."),
    Key(
      "optimizer.skip_norm", .number(Double.leastNonzeroMagnitude ... .infinity), default: .absent,
      meaning: "An update whose norm before clipping is above this is skipped whole."),
    Key(
      "optimizer.micro_batch_groups", .integer(1...65_536), default: .integer(16),
      meaning: "Groups of one forward and backward pass; the order of summation, hence identity."),
    Key(
      "optimizer.gradient_checkpointing", .flag, default: .flag(false), role: .operational,
      meaning:
        "Compute the layers again in the backward pass instead of keeping them: less memory, more "
        + "time, the same numbers."),
    Key(
      "optimizer.mismatch_bound", .number(0...100), default: .absent,
      meaning:
        "Largest difference between stored and recomputed log-probabilities of on-policy rollouts. "
        + "Default: 0 where the product kernel keeps rows apart, 1e-4 elsewhere."),
    Key(
      "optimizer.record", .list(of: .choice(["log_probability"])), default: .list([]),
      meaning:
        "What is stored of each update: the log-probabilities it was computed from, so that clipping "
        + "can be seen and replayed."),
    Key(
      "optimizer.restart_after_sft", .flag, default: .flag(true),
      meaning:
        "Where algorithm.gate.sft_steps ends, begin anew with Adam's moments and the schedule, as "
        + "two runs one after the other would."),
    Key(
      "optimizer.critic_learning_rate", .number(0...10), default: .number(1e-3),
      meaning: "The critic's learning rate after the warm-up; it follows the policy's schedule."),
    Key(
      "optimizer.critic_warmup_steps", .integer(0...10_000_000), default: .integer(0),
      unit: "steps", meaning: "Steps at the start in which the critic alone is trained."),
  ]

  init(_ definition: Definition) {
    learningRate = definition.number("optimizer.learning_rate")
    warmupUpdates = definition.integer("optimizer.warmup_updates")
    schedule = definition.text("optimizer.schedule")
    decayUpdates = definition.integer("optimizer.decay_updates")
    finalShare = definition.number("optimizer.final_share")
    beta1 = definition.number("optimizer.beta1")
    beta2 = definition.number("optimizer.beta2")
    adamEpsilon = definition.number("optimizer.adam_epsilon")
    weightDecay = definition.number("optimizer.weight_decay")
    gradientClip = definition.number("optimizer.gradient_clip")
    skipNorm = definition.numberIfSet("optimizer.skip_norm")
    microBatchGroups = definition.integer("optimizer.micro_batch_groups")
    gradientCheckpointing = definition.flag("optimizer.gradient_checkpointing")
    mismatchBound = definition.numberIfSet("optimizer.mismatch_bound")
    record = definition.texts("optimizer.record")
    restartsAfterSFT = definition.flag("optimizer.restart_after_sft")
    criticLearningRate = definition.number("optimizer.critic_learning_rate")
    criticWarmupSteps = UInt64(definition.integer("optimizer.critic_warmup_steps"))
  }

  func makeSchedule() throws -> LearningRate {
    try LearningRate(
      peak: learningRate, warmup: warmupUpdates, decay: decay, total: decayUpdates,
      floor: finalShare * learningRate)
  }

  private var decay: LearningRate.Decay {
    switch schedule {
    case "linear": .linear
    case "cosine": .cosine
    default: .constant
    }
  }

  var adamW: AdamWSettings {
    AdamWSettings(
      beta1: beta1, beta2: beta2, adamEpsilon: adamEpsilon, weightDecay: weightDecay)
  }
}

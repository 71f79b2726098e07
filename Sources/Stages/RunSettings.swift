public import Definition
import Estimator
import Foundation
public import Operators
public import Policy

/// Section `checkpoint`.
public struct CheckpointSettings: Sendable, Equatable {
  public var every: Int
  public var kept: Int

  static let keys: [Key] = [
    Key(
      "checkpoint.every", .integer(1...10_000_000), default: .integer(50), role: .operational,
      unit: "steps", meaning: "Steps between checkpoints; the last step always gets one."),
    Key(
      "checkpoint.keep", .integer(1...1_000_000), default: .integer(2), role: .operational,
      meaning: "Checkpoints that stay, newest first; step 0 stays beside them."),
  ]

  init(_ definition: Definition) {
    every = definition.integer("checkpoint.every")
    kept = definition.integer("checkpoint.keep")
  }
}

/// Section `evaluation`: sampled accuracy on held-out suites.
public struct EvaluationSettings: Sendable, Equatable {
  public var datasets: [String]
  /// Names or files of suites (`EvaluationSuite`).
  public var suites: [String]
  public var samples: Int
  public var temperature: Double
  public var topP: Double
  public var maximumTokens: Int
  public var before: Bool
  public var after: Bool
  /// Steps between evaluations during training; 0 for none.
  public var every: Int

  /// Whether there is anything to evaluate.
  public var hasQuestions: Bool { !datasets.isEmpty || !suites.isEmpty }
  /// Whether a run evaluates at any time.
  public var takesPlace: Bool { hasQuestions && (before || after || every > 0) }

  /// Whether the weights after `step` of `steps` steps are measured on the way, the first and the last
  /// evaluation apart.
  public func isDue(after step: Int, of steps: Int) -> Bool {
    hasQuestions && every > 0 && step > 0 && step % every == 0 && !(step == steps && after)
  }

  static let keys: [Key] = [
    Key(
      "evaluation.datasets", .list(of: .text), default: .list([]), role: .operational,
      meaning: "Dataset folders; every source in them is a suite of its own."),
    Key(
      "evaluation.suites", .list(of: .text), default: .list([]), role: .operational,
      meaning:
        "Suites of pipelines/suites by name, or files of suites. Data, template and verifier are the "
        + "suite's, sampling is this section's."),
    Key(
      "evaluation.samples", .integer(1...65_536), default: .integer(8), role: .operational,
      meaning: "Samples per question: k of avg@k."),
    Key(
      "evaluation.temperature", .number(0...100), default: .number(0.6), role: .operational,
      meaning: "Sampling temperature; greedy decoding would hide what reinforcement changes."),
    Key(
      "evaluation.top_p", .number(0...1), default: .number(1), role: .operational,
      meaning: "Nucleus of the evaluation's sampling; 1 switches it off."),
    Key(
      "evaluation.maximum_tokens", .integer(1...1_048_576), default: .integer(64),
      role: .operational, unit: "tokens", meaning: "A response is cut at this length."),
    Key(
      "evaluation.before", .flag, default: .flag(true), role: .operational,
      meaning: "Evaluate the initial weights."),
    Key(
      "evaluation.after", .flag, default: .flag(true), role: .operational,
      meaning: "Evaluate the final weights."),
    Key(
      "evaluation.every", .integer(0...1_000_000_000), default: .integer(0), role: .operational,
      unit: "steps",
      meaning: "Evaluate after every so many steps too, which changes no weights; 0: never."
    ),
  ]

  init(_ definition: Definition) {
    datasets = definition.texts("evaluation.datasets")
    suites = definition.texts("evaluation.suites")
    samples = definition.integer("evaluation.samples")
    temperature = definition.number("evaluation.temperature")
    topP = definition.number("evaluation.top_p")
    maximumTokens = definition.integer("evaluation.maximum_tokens")
    before = definition.flag("evaluation.before")
    after = definition.flag("evaluation.after")
    every = definition.integer("evaluation.every")
  }
}

/// Section `compute`.
public struct ComputeSettings: Sendable, Equatable {
  public var threads: Int
  public var allowsOtherKernel: Bool
  public var products: Products

  static let keys: [Key] = [
    Key(
      "compute.precision", .choice(Products.allCases.map(\.rawValue)), default: .text("f32"),
      meaning:
        "Of the products of layers and head: f32, or bf16, which rounds weights and activations "
        + "to bf16 and sums in f32, twice as fast where the processor has AVX512-BF16 and as f32 "
        + "elsewhere. Weights, gradients and moments stay f32; a critic and the KL anchor do the same."
    ),
    Key(
      "compute.threads", .integer(0...1024), default: .integer(0), role: .operational,
      meaning: "Threads of the numeric operators, 0 for one per core; results do not depend on it."),
    Key(
      "compute.allow_other_kernel", .flag, default: .flag(false), role: .operational,
      meaning: "Let a run go on with another product kernel than it began with; bits then differ."),
  ]

  init(_ definition: Definition) {
    threads = definition.integer("compute.threads")
    allowsOtherKernel = definition.flag("compute.allow_other_kernel")
    products = Products(rawValue: definition.text("compute.precision")) ?? .f32
  }
}

extension ComputeSettings {
  func makeCompute() -> Compute { Compute(threads: effectiveThreads, products: products) }

  /// Threads to start: what was asked for, or one per core.
  var effectiveThreads: Int {
    threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount
  }
}

/// A whole definition as the stages read it.
public struct RunSettings: Sendable, Equatable {
  public var name: String
  public var seed: UInt64
  public var steps: Int
  /// Of decoding that nothing trains on.
  public var numerics: Numerics
  public var model: ModelSettings
  /// What is trained in place of all weights; nil: they are.
  public var adapter: AdapterSettings?
  public var reader: ReaderSettings
  public var rollout: RolloutSettings
  public var verifier: VerifierSettings
  public var algorithm: AlgorithmSettings
  public var loss: LossSettings
  public var optimizer: OptimizerSettings
  public var checkpoint: CheckpointSettings
  public var retention: RetentionSettings
  public var metrics: MetricsSettings
  public var evaluation: EvaluationSettings
  public var compute: ComputeSettings

  public init(_ definition: Definition) throws {
    name = definition.name
    seed = UInt64(definition.integer("seed"))
    steps = definition.integer("steps")
    numerics = Numerics(rawValue: definition.text("numerics")) ?? .exact
    model = ModelSettings(definition)
    adapter = try AdapterKeys.read(definition)
    reader = ReaderSettings(definition)
    rollout = RolloutSettings(definition)
    verifier = VerifierSettings(definition)
    algorithm = try AlgorithmSettings(definition)
    loss = LossSettings(definition)
    optimizer = OptimizerSettings(definition)
    checkpoint = CheckpointSettings(definition)
    retention = RetentionSettings(definition)
    metrics = MetricsSettings(definition)
    evaluation = EvaluationSettings(definition)
    compute = ComputeSettings(definition)
    rollout.require(algorithm.algorithm.quantities)
    _ = try makeVerifiers()
    try check(definition)
  }

  /// Who judges the rollouts.
  /// - Parameter folder: the run's.
  public func makeVerifiers(in folder: String? = nil) throws(DefinitionError) -> VerifierTable {
    try verifier.makeTable(maximumTokens: rollout.maximumTokens, folder: folder)
  }

  /// What no single key can say of itself.
  private func check(_ definition: Definition) throws {
    func refuse(_ key: String, _ problem: String, _ remedy: String) -> DefinitionError {
      definition.error(at: key, problem, remedy: remedy)
    }
    if model.origin == nil {
      throw refuse(
        "model.path", "the definition names no model",
        "Set model.path, model.pretrain, or model.tokenizer for random weights.")
    }
    if adapter != nil, model.path == nil {
      throw refuse(
        "adapter.rank", "an adapter needs a base that stays where it is",
        "Name its directory with model.path: a pretrained run's last checkpoint, or another model.")
    }
    if case .random? = model.origin, !model.overrides.isEmpty {
      throw refuse(
        "model.overrides.rope_theta", "a model with random weights has nothing to override",
        "Set model.rope_theta and model.maximum_positions.")
    }
    if optimizer.schedule != "constant", optimizer.decayUpdates <= optimizer.warmupUpdates {
      throw refuse(
        "optimizer.decay_updates",
        "\(optimizer.decayUpdates) is not after the warm-up's \(optimizer.warmupUpdates) updates",
        "Set it to the update at which the \(optimizer.schedule) decay ends.")
    }
    if reader.chatDate == nil {
      throw refuse(
        "data.chat_date", "it is no day",
        "Write a day as YYYY-MM-DD, with month and day of the calendar.")
    }
    if reader.supervisedShare > 0, reader.supervised == nil {
      throw refuse(
        "data.supervised", "data.supervised_share asks for rows of it and it is not set",
        "Name the dataset folder.")
    }
    if rollout.temperature == 0, rollout.count > 0 {
      throw refuse(
        "rollout.temperature", "greedy rollouts have no log-probabilities to train on",
        "Set it above 0.")
    }
    if algorithm.needsRollouts, rollout.count == 0 {
      throw refuse(
        "rollout.count", "\(algorithm.name) needs rollouts and 0 are asked", "Set it above 0.")
    }
  }
}

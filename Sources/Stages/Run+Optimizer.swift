import Estimator
import Operators
import Policy
import Queue
import Records

extension Run {
  /// The optimizer at a checkpoint's step; `replay` brings it further.
  func makeOptimizer(
    _ loaded: CheckpointStore.Loaded, publisher: PolicyPublisher?,
    _ interruption: Interruption? = nil
  ) throws -> Optimizer {
    let algorithm = settings.algorithm.algorithm
    var critic: CriticTraining?
    if let term = algorithm.value {
      guard let held = loaded.critic else {
        throw checkpoints.unusable(
          loaded.state.step, at: directory.checkpoint(loaded.state.step),
          "the checkpoint holds no critic and \(algorithm.name) trains one")
      }
      critic = CriticTraining(
        held.model, moments: held.moments, term: term, settings: settings.optimizer)
    }
    return try Optimizer(
      policy: loaded.policy, moments: loaded.moments, critic: critic,
      version: loaded.state.step, algorithm: algorithm, settings: settings.optimizer,
      temperature: settings.rollout.temperature,
      mismatchBound: settings.optimizer.mismatchBound
        ?? defaultMismatchBound(loaded.policy.configuration),
      seed: settings.seed,
      publisher: publisher, interruption: interruption)
  }

  /// What hands policy versions to stages in other processes.
  var publisher: PolicyPublisher {
    PolicyPublisher(directory: directory, kept: settings.rollout.lag + 2)
  }

  /// 0 where the product kernel keeps rows apart, 1e-4 elsewhere.
  ///
  /// Measured on the products of this model, and not on the many that `doctor` tries: every start of an
  /// optimizer waits for it. Larger ones are made of the same blocks.
  private func defaultMismatchBound(_ model: ModelConfiguration) -> Double {
    let heads = model.headCount * model.headDimension
    let shared = model.keyValueHeadCount * model.headDimension
    let inner = [model.hiddenSize, model.intermediateSize, heads]
    let widths = Set((inner + [shared, model.vocabularySize]).map { min($0, 1024) })
    let depths = Set(inner.map { min($0, 512) })
    let rows = compute.measureRowIndependence(widths: widths.sorted(), depths: depths.sorted())
    return rows.holds ? 0 : 1e-4
  }

  /// The optimizer with the weights after `step` committed steps: the newest whole checkpoint before it
  /// and the logged batches in between, every step's digest compared.
  ///
  /// - Parameters:
  ///   - publisher: gets the versions that may still answer prompts at this step.
  ///   - replayed: told of every step that is worked off again.
  func optimizer(
    at step: UInt64, publisher: PolicyPublisher? = nil,
    replayed: (UInt64) throws -> Void = { _ in }
  ) throws -> Optimizer {
    let committed = try ledger.cursor(.optimizer)
    guard step <= committed else {
      throw StageError(
        .badRun, at: "step \(step)", "the run has \(committed) committed steps",
        remedy: "Name one of them.")
    }
    let reach = publisher == nil ? 0 : min(step, UInt64(settings.rollout.lag))
    let loaded = try checkpoints.load(atMost: step - reach, ledger, on: base, compute: compute)
    let optimizer = try makeOptimizer(loaded, publisher: publisher)
    // Who gets the versions may not have the checkpoint.
    try publisher?.publishMissing(
      optimizer.policy, optimizer.critic?.model, version: loaded.state.step, newest: step)
    try optimizer.replay(ledger, to: step, each: replayed)
    return optimizer
  }
}

extension Optimizer {
  /// What a checkpoint of these weights is made of.
  func content(tokenizer: String) -> CheckpointStore.Content {
    CheckpointStore.Content(
      policy: policy, moments: moments, critic: critic.map { ($0.model, $0.moments) },
      tokenizer: tokenizer)
  }
}

import Estimator
public import Operators
import Policy
import Randomness

/// Steps of training: forward, the estimator's weights, backward, AdamW, as the optimizer does them.
///
/// Every sequence has its full length and a prompt of its own; nothing is padded. Counted are all
/// tokens of all sequences.
public struct TrainBench {
  public enum Loss: String, Sendable, CaseIterable {
    /// Every token after the first is imitated.
    case crossEntropy = "ce"
    /// PPO's clip over the second half of every sequence, with an advantage for each sequence and the
    /// first step's log-probabilities as the old ones.
    case grpo
  }

  private let model: BenchModel
  private let compute: Compute
  private let shape: TrainShape
  private let loss: Loss
  private let algorithm: Algorithm
  private let groups: [TrainingGroup]
  private let checkpoints: Bool

  /// - Parameters:
  ///   - path: a model directory.
  ///   - compute: what computes; used by nothing else meanwhile.
  ///   - checkpoints: see `Policy.checkpointsGradients`.
  /// - Throws: what is wrong with the directory, and `BenchError.Code.memory`.
  public init(
    model path: String, shape: TrainShape, loss: Loss, compute: Compute, checkpoints: Bool = false
  ) throws {
    self.checkpoints = checkpoints
    let model = try BenchModel(path)
    self.model = model
    self.compute = compute
    self.shape = shape
    self.loss = loss
    // Both losses see the tokens that peers' losses see: a mask over predicted tokens t / 2 and up.
    let promptTokens = loss == .crossEntropy ? 1 : shape.tokens / 2 + 1
    algorithm =
      loss == .crossEntropy
      ? try Algorithm.named("sft")
      : try Algorithm.named(
        "dr_grpo", settings: [.init("aggregation.constant", .number(Double(shape.tokens)))])
    groups = (0..<shape.sequences).map {
      let tokens = model.tokens(sequence: $0, count: shape.tokens)
      return TrainingGroup(
        prompt: Array(tokens[..<promptTokens]), responses: [Array(tokens[promptTokens...])])
    }
    let memory = PolicyMemory(model.configuration, threads: compute.threads)
    let group = PolicyMemory.Group(
      promptTokens: promptTokens, responses: 1, responseTokens: shape.tokens - promptTokens)
    // Weights, gradient and two moments.
    try model.requireFits(
      4 * memory.parameters
        + memory.training(group, count: shape.sequences, checkpoints: checkpoints))
  }

  /// Runs `steps` steps after one that is not counted.
  public func run(steps: Int) throws -> BenchRecord {
    let policy = try model.policy(.f32, compute)
    try policy.validate(groups)
    policy.checkpointsGradients = checkpoints
    let gradient = Gradient(for: policy)
    let moments = AdamWState(for: policy)
    let settings = AdamWSettings(weightDecay: 0.01)
    var old: [Float]?
    var times = Times()
    var parts = Parts()
    var watch = Stopwatch()
    for step in 0...steps {
      if step == 1 {
        parts = Parts()
        watch = Stopwatch()
      }
      let one = Stopwatch()
      gradient.zero()
      let zeroed = one.elapsed
      var (forward, weighed) = (0.0, 0.0)
      try policy.accumulate(groups, temperature: 1, into: gradient) { scores in
        forward = one.elapsed
        if old == nil { old = scores.logProbabilities }
        let weights = try weights(scores, old: old ?? [])
        weighed = one.elapsed
        return weights
      }
      let accumulated = one.elapsed
      let norm = gradient.norm()
      policy.update(
        gradient, moments, settings: settings, learningRate: 1e-5,
        gradientScale: Gradient.clippingCoefficient(norm: norm, maximumNorm: 1))
      let end = one.elapsed
      parts.add("forward", forward - zeroed)
      parts.add("loss", weighed - forward)
      parts.add("backward", accumulated - weighed)
      parts.add("optimizer", zeroed + end - accumulated)
      if step > 0 { times.add(end) }
    }
    return record(times, watch.reading, parts)
  }

  private func record(
    _ times: Times, _ reading: Stopwatch.Reading, _ parts: Parts
  ) -> BenchRecord {
    let work = model.work
    var record = model.record(job: "train", threads: compute.threads, steps: times.all.count)
    record.shape = "\(shape)"
    record.take(compute)
    record.loss = loss.rawValue
    record.gradientCheckpointing = checkpoints ? true : nil
    record.tokens = shape.sequences * shape.tokens
    record.usefulGflop = work.training(groups) / 1e9
    record.products = work.products(
      rows: work.rows(groups), headRows: work.headRows(groups), trains: true)
    record.take(times, reading)
    record.parts = parts.means(over: times.all.count)
    return record
  }

  /// What the estimator says of every response token.
  private func weights(_ scores: TokenScores, old: [Float]) throws -> TokenWeights {
    let isImitation = loss == .crossEntropy
    let draws = RandomStream(seed: 1, purpose: .dataset)
    let batch = TokenBatch(
      rows: groups.indices.map { .init(kind: isImitation ? .demonstration : .rollout, group: $0) },
      rowStarts: scores.offsets,
      trained: [Bool](repeating: true, count: scores.logProbabilities.count),
      advantages: .perRow(groups.indices.map { draws.uniform(UInt64($0)) - 0.5 }),
      logProbability: TokenBatch.widened(scores.logProbabilities),
      logProbabilityOld: isImitation ? nil : TokenBatch.widened(old),
      logProbabilityRollout: isImitation ? nil : TokenBatch.widened(old))
    return TokenWeights(
      logProbability: try algorithm.evaluate(batch).gradLogProbabilityFloat())
  }
}

/// Seconds of the parts of repetitions, summed.
struct Parts {
  private(set) var sums: [String: Double] = [:]

  mutating func add(_ name: String, _ seconds: Double) { sums[name, default: 0] += seconds }

  func means(over count: Int) -> [String: Double] { sums.mapValues { $0 / Double(max(count, 1)) } }
}

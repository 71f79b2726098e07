public import Operators
import Policy
import Randomness

/// Sampling at temperature 1 without filters, as the rollout generator does it: prompts of twelve
/// tokens, and as many new tokens for every rollout as the shape says, since nothing ends one.
public struct RolloutBench {
  /// What the peers' prompts have.
  static let promptTokens = 12

  private let model: BenchModel
  private let compute: Compute
  private let shape: RolloutShape
  private let weights: BenchWeights

  /// - Parameters:
  ///   - path: a model directory.
  ///   - compute: what computes; used by nothing else meanwhile.
  /// - Throws: what is wrong with the directory, and `BenchError.Code.memory`.
  public init(
    model path: String, shape: RolloutShape, weights: BenchWeights, compute: Compute
  ) throws {
    model = try BenchModel(path)
    self.compute = compute
    self.shape = shape
    self.weights = weights
    let group = PolicyMemory.Group(
      promptTokens: Self.promptTokens, responses: shape.rollouts, responseTokens: shape.newTokens)
    let memory = PolicyMemory(model.configuration, threads: compute.threads)
    let held = model.bytes(weights)
    let panels = memory.panels(
      stored: held / max(1, model.configuration.parameterCount), compute.products)
    try model.requireFits(held + panels + memory.generation(group, count: shape.prompts))
  }

  /// Samples everything `steps` times after one that is not counted, with other random numbers each
  /// time.
  public func run(steps: Int) throws -> BenchRecord {
    let policy = try model.policy(weights, compute)
    let requests = (0..<shape.prompts).map {
      GenerationRequest(
        group: UInt64($0), prompt: model.tokens(sequence: $0, count: Self.promptTokens),
        rollouts: shape.rollouts)
    }
    let sampling = SamplingSettings(
      stopIDs: [], maximumTokens: shape.newTokens,
      tokenLimit: model.configuration.vocabularySize)
    var times = Times()
    var parts = Parts()
    var watch = Stopwatch()
    var passes = PassCount()
    for step in 0...steps {
      if step == 1 {
        parts = Parts()
        watch = Stopwatch()
      }
      passes = PassCount()
      var first: Double?
      let one = Stopwatch()
      _ = try policy.generate(
        requests, sampling: sampling,
        stream: RandomStream(seed: UInt64(step), purpose: .rollout),
        onToken: { request, rollout, _ in
          if first == nil { first = one.elapsed }
          passes.see(request, rollout)
        })
      let end = one.elapsed
      parts.add("first_token", first ?? end)
      parts.add("further_tokens", end - (first ?? end))
      if step > 0 { times.add(end) }
    }
    return record(times, watch.reading, parts, passes.count)
  }

  private func record(
    _ times: Times, _ reading: Stopwatch.Reading, _ parts: Parts, _ passes: Int
  ) -> BenchRecord {
    let work = model.work
    let sequences = shape.prompts * shape.rollouts
    // What is decoded at once, on average.
    let rows = max(1, sequences * shape.newTokens / passes)
    var record = model.record(job: "rollout", threads: compute.threads, steps: times.all.count)
    record.shape = "\(shape)"
    record.take(compute)
    if weights == .stored {
      record.weights = model.stored.tensors.first?.storage.rawValue.lowercased()
    }
    record.tokens = sequences * shape.newTokens
    let responses = [Int](repeating: shape.newTokens, count: shape.rollouts)
    record.usefulGflop =
      Double(shape.prompts)
      * work.generation(promptTokens: Self.promptTokens, responses: responses) / 1e9
    record.products = work.products(rows: rows, headRows: rows, trains: false)
    let read =
      Double(passes) * model.bytesPerWeight(weights, compute) * Double(work.weightsPerPass)
    record.take(times, reading)
    record.weightsGbPerSecond = read / times.best / 1e9
    record.parts = parts.means(over: times.all.count)
    return record
  }
}

/// Passes through the model of one generation, from the order in which its tokens are drawn: each pass
/// draws one for every rollout that is under way, in ascending order.
package struct PassCount {
  package private(set) var count = 0
  private var last = (request: Int.max, rollout: Int.max)

  package init() {}

  package mutating func see(_ request: Int, _ rollout: Int) {
    if (request, rollout) <= last { count += 1 }
    last = (request, rollout)
  }
}

public import Foundation
import Operators

/// What came of one job: a line of JSON.
///
/// Times and rates are by the monotonic clock; medians and bests are of `steps` equal repetitions
/// after one that is not counted.
public struct BenchRecord: Codable, Sendable {
  /// `train`, `rollout`, …
  public var job: String
  /// The model's directory as it was named.
  public var model: String?
  public var parameters: Int?
  /// As `--shape` has it.
  public var shape: String?
  /// Of a training step: `ce` or `grpo`.
  public var loss: String?
  /// Of products: `f32` or `bf16`.
  public var precision: String?
  /// What decides their bits; a machine without bf16 products does those in f32.
  public var productKernel: String?
  /// Of a training step that computes its layers again.
  public var gradientCheckpointing: Bool?
  /// How weights are held where it is not in f32: `bf16`, `f16`.
  public var weights: String?
  public var threads: Int
  public var steps: Int

  /// Of one repetition.
  public var secondsMedian: Double?
  public var secondsBest: Double?
  /// Tokens of one repetition: all of the sequences in training, new ones in generation.
  public var tokens: Int?
  public var tokensPerSecondMedian: Double?
  public var tokensPerSecondBest: Double?

  /// Of one repetition, see ``UsefulWork``, and by the best time.
  public var usefulGflop: Double?
  public var gflopPerSecond: Double?
  /// By which the roofline is measured.
  public var products: [Product]?
  /// What OpenBLAS does these products with, all threads at work.
  public var productsGflopPerSecond: Double?
  /// `gflopPerSecond` of that.
  public var shareOfProducts: Double?
  /// Bytes of weights that all passes of one repetition must read, by the best time.
  public var weightsGbPerSecond: Double?
  /// What the machine reads, all threads at work.
  public var memoryGbPerSecond: Double?
  /// `weightsGbPerSecond` of that; above 1 where weights stay in a cache.
  public var shareOfMemory: Double?

  /// Mean seconds of a repetition's parts.
  public var parts: [String: Double] = [:]
  /// What else a job measures; the name says the unit.
  public var figures: [String: Double] = [:]
  /// Processors at work for this process, a mean over the repetitions.
  public var coresUsed: Double?
  /// The same for other programs: near 0 on a quiet machine.
  public var otherCores: Double?
  /// Most memory that the job's process had at once.
  public var peakMemoryBytes: Int?
  public var loadAverage: Double?
  public var processor: String

  package init(job: String, threads: Int, steps: Int) {
    self.job = job
    self.threads = threads
    self.steps = steps
    processor = BenchMachine.processor
  }

  /// Takes what computes.
  mutating func take(_ compute: Compute) {
    precision = compute.products.rawValue
    productKernel = compute.productKernel
  }

  /// Takes the times of the repetitions.
  mutating func take(_ times: Times, _ reading: Stopwatch.Reading) {
    secondsMedian = times.median
    secondsBest = times.best
    if let tokens {
      tokensPerSecondMedian = Double(tokens) / times.median
      tokensPerSecondBest = Double(tokens) / times.best
    }
    if let usefulGflop { gflopPerSecond = usefulGflop / times.best }
    take(reading)
  }

  /// Takes what the processor did over all that was measured.
  mutating func take(_ reading: Stopwatch.Reading) {
    coresUsed = reading.processor / reading.wall
    otherCores = reading.others.map { $0 / reading.wall }
    loadAverage = BenchMachine.loadAverage
    peakMemoryBytes = BenchMachine.peakMemoryBytes
  }

  /// Adds what `roofline` measures at the job's shapes.
  public mutating func compare(with roofline: Roofline) {
    if let own = products {
      let measured = own.map { product in
        var product = product
        product.gflopPerSecond = roofline.rate(of: product)
        return product
      }
      products = measured
      if roofline.problem == nil {
        let seconds = measured.reduce(0) { $0 + $1.flop / (1e9 * ($1.gflopPerSecond ?? 0)) }
        let rate = measured.reduce(0) { $0 + $1.flop } / seconds / 1e9
        productsGflopPerSecond = rate
        shareOfProducts = gflopPerSecond.map { $0 / rate }
      }
    }
    if let weightsGbPerSecond {
      memoryGbPerSecond = roofline.bandwidth.readGbPerSecond
      shareOfMemory = weightsGbPerSecond / roofline.bandwidth.readGbPerSecond
    }
  }

  // MARK: JSON

  /// The record that a line of JSON holds, as `pipeline` writes it.
  public init(json line: some DataProtocol) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Self.self, from: Data(line))
  }
}

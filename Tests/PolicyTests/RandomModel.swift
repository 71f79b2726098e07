import Operators
import Policy
import Randomness

/// A small model with random weights that are large enough for peaked distributions, and random
/// prompts for it.
struct RandomModel {
  var configuration: ModelConfiguration
  var seed: UInt64

  /// Shapes that touch the edges: hidden sizes that are no multiple of 16, every kind of
  /// grouped-query attention, tied and untied, every family, one tile and several.
  static let shapes: [RandomModel] = [
    RandomModel(hidden: 64, intermediate: 144, layers: 2, heads: 4, kvHeads: 2, headDimension: 16),
    RandomModel(hidden: 40, intermediate: 56, layers: 2, heads: 3, kvHeads: 1, headDimension: 20),
    RandomModel(
      hidden: 50, intermediate: 70, layers: 1, heads: 2, kvHeads: 2, headDimension: 6,
      vocabulary: 37, tied: false, family: .llama),
    RandomModel(
      hidden: 96, intermediate: 200, layers: 2, heads: 7, kvHeads: 1, headDimension: 8,
      vocabulary: 200, tied: false),
    RandomModel(
      hidden: 192, intermediate: 512, layers: 2, heads: 6, kvHeads: 2, headDimension: 32,
      vocabulary: 128),
    RandomModel(
      hidden: 16, intermediate: 24, layers: 1, heads: 5, kvHeads: 5, headDimension: 2,
      vocabulary: 9),
    RandomModel(
      hidden: 36, intermediate: 80, layers: 2, heads: 6, kvHeads: 2, headDimension: 20,
      vocabulary: 70, family: .qwen3),
    RandomModel(
      hidden: 100, intermediate: 60, layers: 2, heads: 3, kvHeads: 3, headDimension: 18,
      vocabulary: 33, tied: false, family: .qwen3),
    RandomModel(
      hidden: 72, intermediate: 96, layers: 2, heads: 9, kvHeads: 3, headDimension: 12,
      vocabulary: 45, family: .llama, ropeScaling: .lengthened),
  ]

  init(
    hidden: Int, intermediate: Int, layers: Int, heads: Int, kvHeads: Int, headDimension: Int,
    vocabulary: Int = 64, tied: Bool = true, family: ModelArchitecture.Family = .qwen2,
    ropeScaling: RopeScaling? = nil, seed: UInt64 = 7
  ) {
    configuration = ModelConfiguration(
      architecture: ModelArchitecture.allCases.first { $0.family == family && $0 == $0.policy }!,
      vocabularySize: vocabulary, hiddenSize: hidden, intermediateSize: intermediate,
      layerCount: layers, headCount: heads, keyValueHeadCount: kvHeads,
      headDimension: headDimension, ropeTheta: 10_000, ropeScaling: ropeScaling,
      tieEmbeddings: tied, maximumPositions: 512, stopIDs: [0])
    self.seed = seed
  }

  func policy(threads: Int = 1, upTo: ISA? = nil) throws -> Policy {
    let compute = Compute(threads: threads, upTo: upTo)
    return try Policy(
      configuration: configuration, parameters: parameters, compute: compute)
  }

  /// A critic of the same shape, with a head that is not 0.
  func critic(threads: Int = 1, upTo: ISA? = nil) throws -> Critic {
    var model = self
    model.configuration.architecture = model.configuration.architecture.critic
    model.configuration.tieEmbeddings = false
    let compute = Compute(threads: threads, upTo: upTo)
    return try Critic(
      configuration: model.configuration, parameters: model.parameters, compute: compute)
  }

  /// Groups with random responses of 0 to `longest` tokens.
  func groups(_ indices: Range<Int>, responses: Int, longest: Int) -> [TrainingGroup] {
    let stream = RandomStream(seed: seed, purpose: .mixing)
    let vocabulary = UInt64(configuration.vocabularySize)
    return indices.map { index in
      TrainingGroup(
        prompt: prompt(index),
        responses: (0..<responses).map { response in
          let key = UInt64(index * 1000 + response)
          let count = stream.integer(below: UInt64(longest + 1), key, 0, 0)
          return (0..<count).map {
            Int32(stream.integer(below: vocabulary, key, 1, UInt32($0)))
          }
        })
    }
  }

  /// Normal with deviation 3 / sqrt(inputs): ten times the usual, so that nothing is near uniform;
  /// norms near 1, and biases that are not 0.
  var parameters: [Float] {
    let stream = RandomStream(seed: seed, purpose: .initialWeights)
    var values: [Float] = []
    for tensor in configuration.parameters {
      let inputs = tensor.shape.count == 2 ? Double(tensor.shape[1]) : 30
      for _ in 0..<tensor.count {
        let noise = stream.uniform(UInt64(values.count)) * 2 - 1
        let isNorm = tensor.name.hasSuffix("norm.weight")
        values.append(Float(isNorm ? 1 + 0.3 * noise : noise * 3 / inputs.squareRoot()))
      }
    }
    return values
  }

  /// A prompt of 1...40 tokens that depends on its index alone.
  func prompt(_ index: Int) -> [Int32] {
    let stream = RandomStream(seed: seed, purpose: .dataset)
    let count = 1 + Int(stream.integer(below: 40, UInt64(index)))
    return (0..<count).map {
      Int32(
        stream.integer(below: UInt64(configuration.vocabularySize), UInt64(index), 1, UInt32($0)))
    }
  }

  func requests(_ indices: Range<Int>, rollouts: Int) -> [GenerationRequest] {
    indices.map { GenerationRequest(group: UInt64($0), prompt: prompt($0), rollouts: rollouts) }
  }

  /// Stops at id 0, so that lengths differ.
  func sampling(_ maximumTokens: Int, temperature: Float = 1) -> SamplingSettings {
    SamplingSettings(
      temperature: temperature, stopIDs: [0], maximumTokens: maximumTokens,
      tokenLimit: configuration.vocabularySize, recordEntropy: true, recordFiltered: true)
  }
}

extension RopeScaling {
  /// Touches all three ranges of wavelengths within 512 positions.
  static let lengthened = RopeScaling(
    factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 64)
}

/// Every rollout's log-probabilities, flat, in the layout of `TokenScores`.
func stored(_ generations: [[Generation]]) -> [Float] {
  generations.flatMap { $0.flatMap(\.logProbabilities) }
}

func trainingGroups(_ requests: [GenerationRequest], _ generations: [[Generation]])
  -> [TrainingGroup]
{
  zip(requests, generations).map {
    TrainingGroup(prompt: $0.prompt, responses: $1.map(\.tokens))
  }
}

/// How many values differ in any bit.
func differentBits(_ a: [Float], _ b: [Float]) -> Int {
  guard a.count == b.count else { return max(a.count, b.count) }
  return zip(a, b).reduce(0) { $0 + ($1.0.bitPattern == $1.1.bitPattern ? 0 : 1) }
}

func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

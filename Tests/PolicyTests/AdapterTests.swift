import Foundation
import Operators
import Policy
import Randomness
import Records
import Testing

/// Policies with an adapter: what PEFT computes, gradients, equal log-probabilities, frozen bases.
@Suite struct AdapterTests {
  private static let golden = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("../../../shared/golden/model")
    .standardized.path

  /// Ranks that are no multiple of any vector, and one past what is packed at once.
  static let cases: [(shape: Int, rank: Int, targets: Set<AdapterTarget>)] = [
    (0, 4, Set(AdapterTarget.allCases)), (1, 1, [.queries, .values]), (2, 7, [.down]),
    (3, 16, [.output, .gate]), (4, 70, Set(AdapterTarget.allCases)), (5, 3, [.up, .keys]),
    (6, 5, [.queries, .keys]), (7, 2, Set(AdapterTarget.allCases)), (8, 8, [.values, .output]),
  ]

  /// An adapter of a random model with B that is not zero.
  static func adapter(
    _ model: RandomModel, rank: Int, dropout: Double = 0, targets: Set<AdapterTarget>
  ) -> Adapter {
    let settings = AdapterSettings(
      rank: rank, alpha: Double(rank) * 0.7, dropout: dropout, targets: targets)
    var adapter = Adapter.initial(
      settings, of: model.configuration, base: Adapter.Base(), seed: 2)
    let stream = RandomStream(seed: 3, purpose: .mixing)
    for index in adapter.values.indices where adapter.values[index] == 0 {
      adapter.values[index] = Float(stream.uniform(UInt64(index)) - 0.5)
    }
    return adapter
  }

  static func policy(
    _ index: Int, threads: Int = 2, upTo: ISA? = nil, dropout: Double = 0
  ) throws -> (model: RandomModel, policy: Policy) {
    let (shape, rank, targets) = cases[index]
    let model = RandomModel.shapes[shape]
    return (
      model,
      try Policy(
        configuration: model.configuration, parameters: model.parameters,
        adapter: adapter(model, rank: rank, dropout: dropout, targets: targets),
        compute: Compute(threads: threads, upTo: upTo))
    )
  }

  // MARK: PEFT

  /// Log-probabilities and the gradient of every A and B, as PEFT computes them unmerged in float64.
  private func expectParity(_ name: String, base: String) throws {
    let model = try StoredModel(opening: base)
    let place = AdapterDirectoryTests.fixtures + "/" + name
    let adapter = try StoredAdapter(opening: place).adapter(of: model.configuration)
    let policy = try Policy(model, adapter: adapter, compute: Compute(threads: 2))
    let expected = try PolicyFixtures.json("adapter/\(name)/expected.json")
    let sequences = try #require(expected["sequences"]?.array)
    var (groups, wanted, weights): ([TrainingGroup], [Double], [Float]) = ([], [], [])
    for sequence in sequences {
      let tokens = try #require(sequence["tokens"]?.array).compactMap(\.integer).map { Int32($0) }
      groups.append(TrainingGroup(prompt: [tokens[0]], responses: [Array(tokens.dropFirst())]))
      wanted += try #require(sequence["logprobs"]?.array).compactMap(\.double)
      weights += try #require(sequence["weights"]?.array).compactMap(\.double).map { Float(-$0) }
    }
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(groups, temperature: 1, into: gradient) { _ in
      TokenWeights(logProbability: weights)
    }
    let largest = zip(scores.logProbabilities, wanted).reduce(0) {
      max($0, abs(Double($1.0) - $1.1))
    }
    // Four times what transformers itself is off in float32: see the golden models' README.
    #expect(scores.logProbabilities.count == wanted.count && largest < 5.6e-5, "\(largest)")
    let file = try SafetensorsFile(path: place + "/expected.safetensors")
    let values = gradient.values
    var start = 0
    for tensor in policy.trainedTensors {
      let wanted = try file.floats(of: #require(file.tensor(named: "grad." + tensor.name)))
      let found = values[start..<start + tensor.count]
      start += tensor.count
      let error = zip(found, wanted).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
      let norm = wanted.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(
        (error / norm).squareRoot() < 3.6e-5, "\(tensor.name): \((error / norm).squareRoot())")
    }
    #expect(start == values.count && file.tensors.count == policy.trainedTensors.count)
  }

  @Test func computesWhatPEFTComputes() throws {
    try expectParity("qwen2-tied", base: ModelDirectoryTests.tied)
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: golden), "skipped: needs ../shared/golden/model"),
    arguments: ["llama3", "qwen3"])
  func computesWhatPEFTComputesOnOtherFamilies(name: String) throws {
    try expectParity(name, base: Self.golden + "/" + name)
  }

  // MARK: Gradients

  /// As `GradientTests.matchesCentralDifferences`, tensor by tensor of the adapter.
  @Test(arguments: cases.indices, [0, 0.3])
  func gradientsMatchCentralDifferences(index: Int, dropout: Double) throws {
    let (model, policy) = try Self.policy(index, dropout: dropout)
    let stream = RandomStream(seed: 5, purpose: .mixing)
    let requests = model.requests(0..<6, rollouts: 3)
    let groups = trainingGroups(
      requests,
      try policy.generate(
        requests, sampling: model.sampling(12), stream: ExactnessTests.stream))
    func weights(_ count: Int, _ lane: UInt32) -> [Float] {
      (0..<count).map { (Float(stream.uniform(UInt64($0), lane)) - 0.5) * 0.1 }
    }
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(groups, temperature: 0.9, into: gradient, dropoutKey: 7) {
      TokenWeights(
        logProbability: weights($0.entropies.count, 1), entropy: weights($0.entropies.count, 2))
    }
    let count = scores.entropies.count
    let (w, v) = (weights(count, 1), weights(count, 2))
    func loss(_ parameters: [Float]) throws -> Double {
      try policy.replaceParameters(parameters)
      // With the same values dropped.
      let scores = policy.accumulate(
        groups, temperature: 0.9, into: Gradient(for: policy), dropoutKey: 7
      ) { TokenWeights(logProbability: $0.logProbabilities.map { _ in 0 }) }
      return (0..<count).reduce(0.0) {
        $0 + Double(w[$1]) * Double(scores.logProbabilities[$1])
          + Double(v[$1]) * Double(scores.entropies[$1])
      }
    }
    let start = policy.parameters
    let values = gradient.values
    #expect(values.count == start.count && gradient.norm() > 0)
    var failures: [String] = []
    var first = 0
    for tensor in policy.trainedTensors {
      let range = first..<first + tensor.count
      first += tensor.count
      let direction = range.map { Float(stream.uniform(UInt64($0), 3)) - 0.5 }
      let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let h: Float = 4e-3
      var (up, down, slope) = (start, start, 0.0)
      for (offset, index) in range.enumerated() {
        up[index] += h * direction[offset] / norm
        down[index] -= h * direction[offset] / norm
        slope += Double(values[index]) * Double(up[index] - down[index]) / 2
      }
      let difference = try (loss(up) - loss(down)) / 2
      let scale = values[range].reduce(0.0) { $0 + Double($1 * $1) }.squareRoot() * Double(h)
      if !(abs(slope - difference) < 0.02 * scale + 2e-5) {
        failures.append("\(tensor.name): \(slope) and \(difference)")
      }
    }
    #expect(failures == [])
  }

  // MARK: Exactness

  /// What is stored at generation and what training computes, in batches of many sizes.
  @Test(arguments: cases.indices) func storedAndTrainedAgree(index: Int) throws {
    let batches: [(prompts: Range<Int>, rollouts: Int, tokens: Int)] = [
      (0..<1, 1, 12), (0..<3, 4, 40), (0..<64, 8, 6), (3..<4, 130, 17),
    ]
    for threads in 1...2 {
      let (model, policy) = try Self.policy(index, threads: threads)
      let bound = ExactnessTests.bound(policy)
      for batch in batches {
        let requests = model.requests(batch.prompts, rollouts: batch.rollouts)
        let generations = try policy.generate(
          requests, sampling: model.sampling(batch.tokens), stream: ExactnessTests.stream)
        let groups = trainingGroups(requests, generations)
        let scores = policy.score(groups, temperature: 1)
        #expect(largestDifference(stored(generations), scores.logProbabilities) <= bound)
        let trained = policy.accumulate(groups, temperature: 1, into: Gradient(for: policy)) {
          TokenWeights(logProbability: $0.logProbabilities)
        }
        #expect(differentBits(trained.logProbabilities, scores.logProbabilities) == 0)
      }
    }
  }

  @Test(arguments: cases.indices, [0, 0.3])
  func theSameBitsOnEveryISAAndWithAnyThreads(index: Int, dropout: Double) throws {
    var (scores, gradients): ([[Float]], [[Float]]) = ([], [])
    for (threads, isa) in [(1, ISA.avx512), (3, .avx512), (2, .avx2), (2, .baseline)] {
      let (model, policy) = try Self.policy(
        index, threads: threads, upTo: isa, dropout: dropout)
      let groups = model.groups(0..<9, responses: 7, longest: 30)
      let gradient = Gradient(for: policy)
      let found = policy.accumulate(groups, temperature: 1, into: gradient, dropoutKey: 7) {
        TokenWeights(logProbability: $0.logProbabilities)
      }
      scores.append(found.logProbabilities)
      gradients.append(gradient.values)
    }
    for other in scores.indices.dropFirst() {
      #expect(differentBits(scores[0], scores[other]) == 0)
      #expect(differentBits(gradients[0], gradients[other]) == 0)
    }
  }

  /// Computed again layer by layer where activations have no room, with the same bits.
  @Test(arguments: [0, 7], [0, 0.3])
  func theSameBitsWhateverIsKept(index: Int, dropout: Double) throws {
    let (model, policy) = try Self.policy(index, dropout: dropout)
    let groups = model.groups(0..<40, responses: 8, longest: 30)
    let gradients = [1 << 28, 0].map { room in
      policy.activationRoom = room
      let gradient = Gradient(for: policy)
      policy.accumulate(groups, temperature: 1, into: gradient, dropoutKey: 7) {
        TokenWeights(logProbability: $0.logProbabilities)
      }
      return gradient.values
    }
    #expect(differentBits(gradients[0], gradients[1]) == 0)
  }

  // MARK: Dropout

  /// Training drops what its key says; sampling and scoring drop nothing, nor does training without a
  /// key.
  @Test func dropoutIsForTrainingAlone() throws {
    let (model, policy) = try Self.policy(4, dropout: 0.3)
    let plain = try Self.policy(4).policy
    let groups = model.groups(0..<9, responses: 7, longest: 30)
    func trained(_ key: UInt64?) -> [Float] {
      policy.accumulate(groups, temperature: 1, into: Gradient(for: policy), dropoutKey: key) {
        TokenWeights(logProbability: $0.logProbabilities)
      }.logProbabilities
    }
    let scores = plain.score(groups, temperature: 1).logProbabilities
    #expect(differentBits(trained(nil), scores) == 0)
    let (first, again, other) = (trained(7), trained(7), trained(8))
    #expect(differentBits(first, again) == 0)
    #expect(differentBits(first, scores) > scores.count / 2)
    #expect(differentBits(first, other) > scores.count / 2)
    #expect(differentBits(policy.score(groups, temperature: 1).logProbabilities, scores) == 0)
    #expect(policy.weightsDigest() == plain.weightsDigest())
  }

  // MARK: Base and adapter

  @Test(arguments: cases.indices) func mergedAndUnmergedComputeTheSame(index: Int) throws {
    let (model, policy) = try Self.policy(index)
    let merged = AdapterDirectoryTests.merged(
      model.parameters, try #require(policy.adapter), model.configuration)
    let other = try Policy(
      configuration: model.configuration, parameters: merged, compute: policy.compute)
    let groups = model.groups(0..<5, responses: 3, longest: 20)
    let difference = largestDifference(
      policy.score(groups, temperature: 1).logProbabilities,
      other.score(groups, temperature: 1).logProbabilities)
    #expect(difference < 2e-4 && difference > 0, "\(difference)")
  }

  @Test func aNewAdapterChangesNothingYet() throws {
    for (index, model) in RandomModel.shapes.enumerated() {
      let base = try model.policy()
      let settings = AdapterSettings(rank: 4, alpha: 8, targets: Set(AdapterTarget.allCases))
      let policy = try Policy(
        on: base,
        adapter: .initial(settings, of: model.configuration, base: Adapter.Base(), seed: 1))
      let groups = model.groups(0..<5, responses: 3, longest: 20)
      let scores = [base, policy].map { $0.score(groups, temperature: 1).logProbabilities }
      #expect(differentBits(scores[0], scores[1]) == 0, "shape \(index)")
      #expect(policy.weightsDigest() != base.weightsDigest())
      #expect(policy.baseDigest() == base.weightsDigest())
      #expect(policy.adapter?.base.digest == base.weightsDigest())
    }
  }

  @Test func updatesMoveTheAdapterAlone() throws {
    let (model, policy) = try Self.policy(0)
    let base = try Policy(on: policy, adapter: nil)
    let groups = model.groups(0..<5, responses: 3, longest: 20)
    let (before, digest, start) = (base.parameters, policy.weightsDigest(), policy.parameters)
    let scores = base.score(groups, temperature: 1).logProbabilities
    let gradient = Gradient(for: policy)
    policy.accumulate(groups, temperature: 1, into: gradient) {
      TokenWeights(logProbability: $0.logProbabilities)
    }
    policy.update(gradient, AdamWState(for: policy), settings: AdamWSettings(), learningRate: 0.1)
    #expect(policy.parameters.count == policy.trainedTensors.reduce(0) { $0 + $1.count })
    #expect(zip(policy.parameters, start).allSatisfy { $0 != $1 })
    #expect(policy.weightsDigest() != digest)
    #expect(differentBits(base.parameters, before) == 0 && before == model.parameters)
    #expect(base.score(groups, temperature: 1).logProbabilities == scores)
    #expect(policy.baseDigest() == base.weightsDigest())
    // The values decide, and the digest follows them.
    try policy.replaceParameters(start)
    #expect(policy.weightsDigest() == digest)
    #expect(throws: PolicyError.self) { try policy.replaceParameters(before) }
  }

  @Test func theDigestTellsAdaptersApart() throws {
    let model = RandomModel.shapes[0]
    let base = try model.policy()
    var adapter = Self.adapter(model, rank: 4, targets: [.queries])
    func digest() throws -> [UInt8] { try Policy(on: base, adapter: adapter).weightsDigest() }
    let first = try digest()
    #expect(try digest() == first)
    adapter.settings.alpha += 1
    let scaled = try digest()
    adapter.values[3] += 1
    let moved = try digest()
    #expect(Set([first, scaled, moved, base.weightsDigest()]).count == 4)
    // Where it lies and what it is called says nothing.
    adapter.base.name = "elsewhere"
    #expect(try digest() == moved)
    adapter.base.digest = base.weightsDigest()
    #expect(try digest() == moved)
    adapter.base.digest?[0] ^= 1
    let error = #expect(throws: PolicyError.self) { try digest() }
    #expect(error?.code == .otherBase && error?.exitStatus == .mismatch)
    adapter.base.digest = nil
    adapter.values.removeLast()
    #expect(throws: PolicyError.self) { try digest() }
  }

  /// A base that stays as it is stored, in BF16.
  @Test func aBaseInItsStoredTypeIsTrainedOn() throws {
    let stored = try StoredModel(opening: ModelDirectoryTests.sharded)
    let settings = AdapterSettings(rank: 4, alpha: 8, targets: Set(AdapterTarget.allCases))
    var adapter = Adapter.initial(
      settings, of: stored.configuration, base: Adapter.Base(), seed: 1)
    for index in adapter.values.indices { adapter.values[index] += 0.01 }
    let groups = [TrainingGroup(prompt: [1, 2, 3], responses: [[5, 9, 4], [7, 7]])]
    let results = try [HeldWeights.widened, .stored].map { held in
      let policy = try Policy(
        stored, held: held, adapter: adapter, compute: Compute(threads: 2))
      let gradient = Gradient(for: policy)
      let scores = policy.accumulate(groups, temperature: 1, into: gradient) {
        TokenWeights(logProbability: $0.logProbabilities)
      }
      policy.update(gradient, AdamWState(for: policy), settings: AdamWSettings(), learningRate: 0.1)
      return (scores.logProbabilities, gradient.values, policy.weightsDigest())
    }
    #expect(largestDifference(results[0].0, results[1].0) < 1e-5)
    let norm = results[0].1.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(largestDifference(results[0].1, results[1].1) < 1e-4 * norm && norm > 0)
  }
}

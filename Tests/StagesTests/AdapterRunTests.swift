import Definition
import Foundation
import Operators
import Policy
import Queue
import Records
import Stages
import Testing

/// Runs that train an adapter: what they write, that they come to the same bits however they are cut
/// into sessions, and that the base stays what it is.
@Suite struct AdapterRunTests {
  /// A folder with a dataset, a base in BF16 beside it, and a run on it.
  private final class Place {
    let folder: TemporaryRun
    let base: String
    let configuration = ModelConfiguration(
      architecture: .qwen2ForCausalLM, vocabularySize: 128, hiddenSize: 16, intermediateSize: 24,
      layerCount: 2, headCount: 2, keyValueHeadCount: 1, headDimension: 12,
      tieEmbeddings: false, maximumPositions: 64, stopIDs: [0])

    init(seed: UInt64 = 3) throws {
      folder = try TemporaryRun(prompts: sums(18))
      base = folder.folder + "/base"
      try write(base, seed: seed)
    }

    func write(_ path: String, seed: UInt64) throws {
      let weights = InitialWeights(configuration, seed: seed)
      try ModelDirectory.make(at: path) { (inside) throws(ModelDirectoryError) in
        try ModelDirectory.write(
          configuration, to: inside, tokenizerFrom: TemporaryRun.tokenizer, storage: .bf16
        ) { tensor, range in weights.values(tensor, range).map { $0 * 10 } }
      }
    }

    /// No bound is stated: it is what `doctor` promises on this machine.
    func keys(_ more: [(String, String)] = []) -> [(String, String)] {
      [
        ("model.path", base), ("adapter.rank", "3"), ("adapter.alpha", "6"), ("steps", "5"),
        ("checkpoint.every", "2"), ("checkpoint.keep", "3"),
      ] + more
    }

    /// Half of it imitation: random weights answer nothing right, and would learn nothing.
    static let learning = [("algorithm.name", "hpt")]

    func finished(_ more: [(String, String)] = [], at name: String = "run") throws -> FinalState {
      let directory = RunDirectory(folder.folder + "/" + name)
      try Run.create(try folder.definition(keys(more)), at: directory)
      return try finish(directory)
    }

    func files(_ path: String) throws -> [String: Data] {
      var found: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
        found[name] = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
      }
      return found
    }
  }

  @Test func checkpointsHoldTheAdapterAndTheBaseStays() throws {
    let place = try Place()
    let before = try place.files(place.base)
    let end = try place.finished(Place.learning)
    #expect(try place.files(place.base) == before)
    let directory = place.folder.directory
    let last = directory.checkpoint(5)
    let names = try FileManager.default.contentsOfDirectory(atPath: last)
    #expect(
      Set(names).isSuperset(of: [
        "adapter_config.json", "adapter_model.safetensors", "config.json", "tokenizer.json",
        "optimizer.safetensors", "state.json", "MANIFEST.json",
      ]))
    #expect(!names.contains("model.safetensors"))
    // As PEFT has it, naming its base.
    let stored = try StoredAdapter(opening: last)
    let base = try StoredModel(opening: place.base)
    #expect(stored.settings.rank == 3 && stored.settings.scale == 2)
    #expect(stored.settings.targets == AdapterTarget.allCases)
    #expect(try stored.base == Adapter.Base(name: place.base, digest: base.weightsDigest()))
    let first = try StoredAdapter(opening: directory.checkpoint(0)).adapter(of: place.configuration)
    #expect(
      first
        == .initial(stored.settings, of: place.configuration, base: stored.base, seed: 17))
    let trained = try stored.adapter(of: place.configuration)
    // B was zero.
    #expect(zip(first.values, trained.values).allSatisfy { $0 != $1 })
    // Moments of what is trained, and of nothing else.
    let moments = try SafetensorsFile(path: last + "/optimizer.safetensors")
    #expect(moments.tensors.reduce(0) { $0 + $1.count } == 2 * trained.values.count)
    let run = try Run(opening: directory)
    #expect(try run.policy(at: 5).adapter == trained)
    #expect(try run.checkpointPolicy(5).weightsDigest() == run.policy(at: 5).weightsDigest())
    #expect(end.weights == (try run.digestText(version: 5)))
    // What is worked out at any step is written as a checkpoint has it.
    try run.writeModel(at: 3, to: place.folder.folder + "/three")
    #expect(try StoredAdapter(opening: place.folder.folder + "/three").base == stored.base)
  }

  /// Log-probabilities of rollouts and of training are equal as `doctor` promises.
  @Test func rolloutsAndTrainingComputeTheSame() throws {
    let place = try Place()
    // Every group is trained on its rollouts, and the entropy moves the policy without any reward.
    _ = try place.finished([("algorithm.entropy_weight", "1")])
    let metrics = try stableMetrics(place.folder.directory)
    let isIndependent = Compute(threads: 1).measureRowIndependence(
      widths: [16, 24, 128], depths: [64]
    ).holds
    #expect(metrics.count == 5)
    for step in metrics {
      let mismatch = try #require(step["mismatch/max"])
      #expect(mismatch <= (isIndependent ? 0 : 1e-4), "\(step)")
    }
    #expect(metrics.allSatisfy { ($0["mismatch/tokens"] ?? 0) > 0 })
  }

  /// In one session, in several with a restart from every checkpoint, and stage by stage with adapters
  /// handed over on disk.
  @Test(arguments: [Kind.plain, .critic, .lag])
  func theSameBitsHoweverItIsCut(kind: Kind) throws {
    let place = try Place()
    let keys = (kind == .critic ? [] : Place.learning) + kind.keys
    let whole = try place.finished(keys)
    // Restarts; the steps between checkpoints are worked off again and compared with their digests.
    let cut = RunDirectory(place.folder.folder + "/cut")
    try Run.create(try place.folder.definition(place.keys(keys)), at: cut)
    for limit: UInt64 in [1, 2, 1, 5] {
      let run = try Run(opening: cut)
      _ = try work(run, StageName.allCases, limit: limit)
    }
    #expect(try finish(cut) == whole)
    // Stages apart.
    let apart = RunDirectory(place.folder.folder + "/apart")
    try Run.create(try place.folder.definition(place.keys(keys)), at: apart)
    let run = try Run(opening: apart)
    for _ in 0..<10 where try !run.isFinished {
      for stage in StageName.allCases { _ = try work(run, [stage]) }
    }
    #expect(try run.isFinished)
    #expect(try digests(run.queue) == whole.logs)
    let published = try FileManager.default.contentsOfDirectory(atPath: apart.policies)
    #expect(published.contains("5"))
    let version = try StoredAdapter(opening: apart.policy(5))
    #expect(version.settings.rank == 3)
  }

  /// What a step drops depends on the run's seed and the step alone.
  @Test func dropoutIsTheSameHoweverItIsCut() throws {
    let place = try Place()
    let keys =
      Place.learning + [
        ("adapter.dropout", "0.2"), ("optimizer.mismatch_bound", "10"),
      ]
    let whole = try place.finished(keys)
    #expect(
      try StoredAdapter(opening: place.folder.directory.checkpoint(5)).settings.dropout == 0.2)
    let cut = RunDirectory(place.folder.folder + "/cut")
    try Run.create(try place.folder.definition(place.keys(keys)), at: cut)
    for limit: UInt64 in [1, 2] {
      let run = try Run(opening: cut)
      _ = try work(run, StageName.allCases, limit: limit)
    }
    #expect(try finish(cut) == whole)
    let plain = try place.finished(
      Place.learning + [("optimizer.mismatch_bound", "10")], at: "plain")
    #expect(plain.weights != whole.weights)
  }

  @Test func aDamagedCheckpointIsWorkedOutAgain() throws {
    let place = try Place()
    _ = try place.finished(Place.learning + [statedBound])
    let checkpoint = place.folder.directory.checkpoint(5)
    let before = try place.files(checkpoint)
    try Data("x".utf8).write(
      to: URL(fileURLWithPath: checkpoint + "/adapter_model.safetensors"))
    do {
      let run = try Run(opening: place.folder.directory)
      #expect(try run.restoreCheckpoint(5) == .replayed(from: 4))
    }
    #expect(try place.files(checkpoint) == before)
    let initial = place.folder.directory.checkpoint(0)
    let start = try place.files(initial)
    try FileManager.default.removeItem(atPath: initial + "/adapter_config.json")
    #expect(throws: StageError.self) { try Run(opening: place.folder.directory) }
    #expect(try Run.restoreInitialCheckpoint(of: place.folder.directory) == .initial)
    #expect(try place.files(initial) == start)
  }

  @Test func theBaseMayMoveAndMayNotChange() throws {
    let place = try Place()
    let whole = try place.finished([statedBound])
    let cut = RunDirectory(place.folder.folder + "/cut")
    try Run.create(try place.folder.definition(place.keys([statedBound])), at: cut)
    do { _ = try work(try Run(opening: cut), StageName.allCases, limit: 2) }
    let moved = place.folder.folder + "/moved"
    try FileManager.default.moveItem(atPath: place.base, toPath: moved)
    let gone = #expect(throws: ModelDirectoryError.self) { try finish(cut) }
    #expect(gone?.location == place.base)
    let other = place.folder.folder + "/other"
    try place.write(other, seed: 4)
    let refused = #expect(throws: StageError.self) {
      try Run(opening: cut, overrides: [("model.path", other)])
    }
    #expect(refused?.code == .changed && refused?.exitStatus == .mismatch)
    // In its place, unsaid.
    try FileManager.default.moveItem(atPath: other, toPath: place.base)
    let swapped = #expect(throws: StageError.self) { try finish(cut) }
    #expect(swapped?.code == .changed && swapped?.location == place.base)
    #expect(try finish(cut, overrides: [("model.path", moved)]) == whole)
  }

  /// The KL anchor of an adapter is its base.
  @Test func theAnchorIsTheBase() throws {
    let place = try Place()
    _ = try place.finished(
      [
        ("algorithm.kl.kind", "k3"), ("algorithm.kl.weight", "0.01"),
        // Moves it away, since random weights get no reward.
        ("algorithm.entropy_weight", "1"), ("optimizer.mismatch_bound", "0.01"),
      ])
    let run = try Run(opening: place.folder.directory)
    let base = try Policy(
      StoredModel(opening: place.base), held: .stored, compute: run.compute)
    let record = try #require(
      try run.queue.read { try $0.record(RolloutRecord.self, .rollouts, RecordKey(25)) })
    let scored = base.score(
      [TrainingGroup(prompt: record.promptTokens, responses: record.rollouts.map(\.tokens))],
      temperature: Float(run.settings.rollout.temperature))
    let stored = record.rollouts.flatMap { $0.quantity(RecordedQuantity.anchor) ?? [] }
    #expect(stored.count == scored.logProbabilities.count && !stored.isEmpty)
    let difference = zip(stored, scored.logProbabilities).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(difference < 1e-4)
    // The policy has moved away from it.
    let own = record.rollouts.flatMap(\.logProbabilities)
    #expect(zip(stored, own).contains { abs($0 - $1) > 1e-3 })
  }

  @Test func overridesReachTheModelBesideTheAdapter() throws {
    let place = try Place()
    let plain = try place.finished([statedBound])
    let turned = try place.finished(
      [statedBound, ("model.overrides.rope_theta", "40000")], at: "turned")
    #expect(turned.weights != plain.weights)
    let config = try ModelDirectory.configuration(at: place.folder.folder + "/turned/checkpoints/5")
    #expect(config.ropeTheta == 40_000)
  }

  @Test(arguments: [
    ([("adapter.dropout", "0.1")], "adapter.dropout"),
    ([("adapter.targets", "[]")], "adapter.targets"),
    ([("adapter.rank", "null")], "adapter.alpha"),
    ([("model.path", "null")], "adapter.rank"),
  ]) func whatCannotBeTrainedIsRefusedAtItsKey(
    keys: [(String, String)], named: String
  ) throws {
    let place = try Place()
    let definition = try place.folder.definition(place.keys(keys))
    let error = #expect(throws: DefinitionError.self) { try RunSettings(definition) }
    #expect(error?.exitStatus == .usage && error?.problem.contains(named) == true)
  }

  @Test func unknownTargetsAreRefusedWhenTheyAreRead() throws {
    let place = try Place()
    #expect(throws: DefinitionError.self) {
      try place.folder.definition(place.keys([("adapter.targets", "[q_proj, lm_head]")]))
    }
    let settings = try RunSettings(
      place.folder.definition(
        place.keys([
          ("adapter.targets", "[v_proj, q_proj]"), ("adapter.rank_stabilized", "true"),
          ("adapter.alpha", "null"), ("adapter.rank", "4"),
        ])))
    #expect(
      settings.adapter
        == AdapterSettings(rank: 4, alpha: 4, isRankStabilized: true, targets: [.queries, .values]))
    #expect(settings.adapter?.scale == 2)
  }

  /// Another base is another policy, and so is another adapter of it.
  @Test func aForkGoesOnWithTheAdapter() throws {
    let place = try Place()
    _ = try place.finished([statedBound])
    let run = try Run(opening: place.folder.directory)
    let fork = RunDirectory(place.folder.folder + "/fork")
    let refused = #expect(throws: StageError.self) {
      try RunBranch(run, at: 3).create(
        at: fork, try place.folder.definition(place.keys([statedBound, ("adapter.rank", "4")])))
    }
    #expect(refused?.problem.contains("adapter.rank") == true)
    try RunBranch(run, at: 3).create(at: fork)
    let whole = try FinalState(run)
    #expect(try finish(fork) == whole)
  }

  /// The plan counts the base as it is stored, and what is trained once.
  @Test func thePlanKnowsWhatIsFrozen() throws {
    let place = try Place()
    let plan = try RunPlan(place.folder.definition(place.keys()))
    let settings = AdapterSettings(rank: 3, alpha: 6, targets: Set(AdapterTarget.allCases))
    let bytes = Dictionary(uniqueKeysWithValues: plan.parts.map { ($0.name, $0.bytes) })
    #expect(
      bytes["frozen weights, as they are stored"] == 2 * place.configuration.parameterCount)
    let adapter = 4 * settings.count(of: place.configuration)
    #expect(bytes["adapter"] == adapter && bytes["gradient"] == adapter)
    #expect(bytes["Adam's moments"] == 2 * adapter && bytes["weights"] == nil)
  }
}

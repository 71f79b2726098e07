import Definition
import Estimator
import Foundation
import Policy
import Queue
import Records
import Shards
import Stages
import Testing

@Suite struct DefinitionsTests {
  @Test func everyDefinitionThatShipsIsReadAndNamesWhatIsThere() throws {
    let folder = TemporaryRun.root + "/pipelines"
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".yaml") && !Self.recipes.contains($0) }.sorted()
    #expect(files.count >= 4)
    for file in files {
      let settings = try RunSettings(RunKeys.schema.resolve(file: "\(folder)/\(file)"))
      for dataset in [settings.reader.prompts] + settings.evaluation.datasets {
        let rows = try Dataset(folder: "\(TemporaryRun.root)/\(dataset)").rows
        #expect(rows > 0, "\(file): \(dataset)")
      }
      switch settings.model.origin {
      case .directory(let path), .random(let path):
        #expect(
          FileManager.default.fileExists(atPath: "\(TemporaryRun.root)/\(path)/tokenizer.json"),
          "\(file): \(path)")
      case .pretrained(let path):
        #expect(FileManager.default.fileExists(atPath: "\(folder)/\(path)"), "\(file): \(path)")
      case nil: Issue.record("\(file) names no model")
      }
    }
  }

  /// For models and data that do not ship.
  private static let recipes = [
    "hpt-qwen2.5-math-7b.yaml", "hpt-qwen2.5-math-1.5b.yaml", "hpt-llama-3.1-8b.yaml",
  ]

  /// The values of HPT's scripts.
  @Test func thePublishedRecipesHaveTheirValues() throws {
    let expected: [(gate: Int, weight: Double, skip: Double?)] = [
      (0, 1, 80), (0, 0.3, 80), (2, 1, nil),
    ]
    for (file, expected) in zip(Self.recipes, expected) {
      let path = "\(TemporaryRun.root)/pipelines/\(file)"
      let settings = try RunSettings(RunKeys.schema.resolve(file: path))
      let algorithm = settings.algorithm.algorithm
      #expect(algorithm.gate.thresholdCount == expected.gate, "\(file)")
      #expect(algorithm.gate.thresholdOffCount == expected.gate, "\(file)")
      #expect(algorithm.imitation.weight == expected.weight, "\(file)")
      #expect(settings.optimizer.skipNorm == expected.skip, "\(file)")
      #expect(settings.optimizer.learningRate == 5e-6, "\(file)")
      #expect(settings.steps == 499 && settings.reader.promptsPerStep == 128, "\(file)")
      #expect(settings.rollout.count == 8 && settings.rollout.maximumTokens == 8192, "\(file)")
      #expect(settings.reader.promptLimit == 1024, "\(file)")
      #expect(settings.reader.demonstrationLimit == 8192, "\(file)")
      #expect(settings.loss.miniBatches == 2 && settings.loss.epochs == 1, "\(file)")
      let isLlama = file.contains("llama")
      #expect(settings.reader.chat == (isLlama ? .never : .always), "\(file)")
      let begin = "Question:\n{prompt}\nPlease reason"
      #expect(settings.reader.template.hasPrefix(begin) == isLlama, "\(file)")
    }
  }

  @Test(arguments: [
    ("optimizer.schedule", "cosine", "optimizer.decay_updates"),
    ("data.supervised_share", "0.5", "data.supervised"),
    ("rollout.temperature", "0", "rollout.temperature"),
    ("rollout.count", "0", "rollout.count"),
  ]) func whatContradictsItselfIsRefusedAtItsKey(key: String, value: String, named: String) throws {
    let run = try TemporaryRun(prompts: sums(3))
    let definition = try run.definition([(key, value)])
    let error = #expect(throws: DefinitionError.self) { try RunSettings(definition) }
    #expect(error?.exitStatus == .usage)
    #expect(
      error.map { "\($0)".contains(named) || $0.problem.contains(named) } == true, "\(error!)")
  }
}

@Suite struct RunTests {
  private func error(_ body: () throws -> Void) -> (any DescribedError)? {
    do {
      try body()
      return nil
    } catch { return error as? any DescribedError }
  }

  @Test func anIdentityKeyCannotChangeAndAnOperationalOneIsWrittenDown() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    do { _ = try folder.create() }
    let refused = error {
      _ = try Run(opening: folder.directory, definition: folder.definition([("seed", "18")]))
    }
    #expect(refused?.exitStatus == .usage && "\(refused!)".contains("seed"))
    do {
      let run = try Run(opening: folder.directory, overrides: [("steps", "5")])
      #expect(run.settings.steps == 5 && run.notices == ["steps: 3 → 5"])
    }
    let run = try Run(opening: folder.directory)
    #expect(run.settings.steps == 5 && run.notices.isEmpty)
    let log = try String(contentsOfFile: folder.directory.logs + "/changes.log", encoding: .utf8)
    #expect(log == "steps: 3 -> 5\n")
  }

  @Test func aDatasetWithOtherRowsIsRefusedAndGivingItBackHelps() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    do { _ = try folder.create() }
    let data = folder.folder + "/prompts"
    try FileManager.default.moveItem(atPath: data, toPath: data + ".kept")
    _ = try DatasetWriter.write(count: 9, folder: data, name: "prompts") { sums(10)[$0 + 1] }
    let refused = error { _ = try Run(opening: folder.directory) } as? StageError
    #expect(refused?.code == .changed && refused?.exitStatus == .mismatch)
    try FileManager.default.removeItem(atPath: data)
    #expect(error { _ = try Run(opening: folder.directory) }?.exitStatus == .usage)
    try FileManager.default.moveItem(atPath: data + ".kept", toPath: data)
    _ = try Run(opening: folder.directory)
  }

  @Test func aCheckpointWithAChangedByteIsDamagedAndNamed() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    do { _ = try folder.create() }
    let path = folder.directory.checkpoint(0) + "/optimizer.safetensors"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    let refused = error {
      _ = try RunSession(
        try Run(opening: folder.directory), stages: StageName.allCases, publishes: false,
        interruption: Interruption())
    }
    #expect(refused?.location == path && refused?.exitStatus == .corrupt)
  }

  @Test func aFolderWithoutARunIsSaidToHoldNone() throws {
    let folder = try TemporaryRun(prompts: sums(1))
    let refused = error { _ = try Run(opening: RunDirectory(folder.folder)) } as? StageError
    #expect(refused?.code == .badRun && refused?.exitStatus == .usage)
  }

  /// The form that the documentation promises; fields may be added, none renamed.
  @Test func theSummaryHasThePromisedFields() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let run = try folder.create([("steps", "1")])
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    #expect(try session.work() == .finished)
    var evaluation = Summary.Evaluation()
    evaluation.before["ood_sorting"] = Summary.Suite(
      mean: 0.5, k: 8, questions: 2, low: 0.4, high: 0.6, levels: ["1": 0.5])
    let summary = try session.summary(state: .done, evaluation: evaluation)
    try summary.write(to: folder.directory)
    #expect(try Summary.read(from: folder.directory) == summary)

    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.directory.summary))
    let fields = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    let promised: Set = [
      "definition", "seed", "steps", "state", "wall_seconds", "peak_memory_bytes", "blas_core",
      "weights_sha256", "logprob_mismatch_max", "generated_tokens", "evaluation", "gate",
      "rollout_accuracy", "stored_bytes", "raw_bytes", "errors",
    ]
    #expect(promised.isSubset(of: fields.keys), "\(promised.subtracting(fields.keys)) are missing")
    #expect(fields["definition"] as? String == "test" && fields["state"] as? String == "done")
    let suites = try #require(fields["evaluation"] as? [String: [String: [String: Any]]])
    #expect(Set(suites.keys) == ["before", "after"])
    #expect(
      try Set(#require(suites["before"]?["ood_sorting"]).keys)
        == ["mean", "k", "questions", "low", "high", "levels"])
    let gate = try #require((fields["gate"] as? [String: [String: Double]])?["0"])
    #expect(Set(gate.keys) == ["sft", "rl", "dropped"])
    #expect(abs(gate.values.reduce(0, +) - 1) < 1e-12)
    #expect((fields["rollout_accuracy"] as? [String: Double])?.keys.sorted() == ["0"])
    #expect((fields["errors"] as? [String: Int]) == ["verifier": 0])
  }

  /// raw_bytes: tokens as u32, log-probabilities as f32, prompt text as UTF-8.
  @Test func theSummaryCountsTokensAndBytesOfWhatIsStored() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let run = try folder.create([("steps", "2")])
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    _ = try session.work()
    var sampled = 0
    var raw = 0
    for group in 0..<(try run.ledger.head(.rollouts)) {
      let record = try run.ledger.existing(RolloutRecord.self, .rollouts, group)
      let prompt = try run.ledger.existing(PromptRecord.self, .prompts, group).prompt
      let own = record.rollouts.reduce(0) { $0 + $1.tokens.count }
      let imitated = record.demonstrations.reduce(0) { $0 + $1.tokens.count }
      sampled += own
      guard case .text(let text) = prompt.content else { continue }
      raw += 4 * (record.promptTokens.count + own + imitated) + 4 * own + text.utf8.count
    }
    let summary = try session.summary(state: .done, evaluation: Summary.Evaluation())
    #expect(summary.generatedTokens == UInt64(sampled))
    #expect(summary.storedBytes == UInt64(try run.queue.pagesInUse(.rollouts)))
    #expect(summary.rawBytes == UInt64(raw), "tokens, log-probabilities and prompt text")
  }
}

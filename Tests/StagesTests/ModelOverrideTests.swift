import Definition
import Foundation
import Operators
import Policy
import Records
import Stages
import Testing

/// `model.overrides`: another configuration for the weights that a run starts from.
@Suite struct ModelOverrideTests {
  private static let overrides = [
    ("model.overrides.rope_theta", "40000"), ("model.overrides.max_position_embeddings", "128"),
  ]

  /// A model directory with random weights, of this family.
  private func model(
    _ folder: TemporaryRun, _ architecture: ModelArchitecture = .llamaForCausalLM
  ) throws -> String {
    let path = folder.folder + "/model"
    let configuration = ModelConfiguration(
      architecture: architecture, vocabularySize: 128, hiddenSize: 16, intermediateSize: 24,
      layerCount: 1, headCount: 2, keyValueHeadCount: 1, headDimension: 12, ropeTheta: 10_000,
      ropeScaling: RopeScaling(
        factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 32),
      tieEmbeddings: false, maximumPositions: 64, stopIDs: [0])
    let weights = InitialWeights(configuration, seed: 3)
    try ModelDirectory.make(at: path) { (inside) throws(ModelDirectoryError) in
      try ModelDirectory.write(
        configuration, to: inside, tokenizerFrom: TemporaryRun.tokenizer, values: weights.values)
    }
    return path
  }

  @Test func theyReachEveryCheckpointAndTheWeightsStay() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let path = try model(folder)
    let run = try folder.create([("model.path", path)] + Self.overrides)
    let start = run.directory.checkpoint(0)
    let (source, weights) = try ModelDirectory.read(path)
    let (made, same) = try ModelDirectory.read(start)
    #expect(made.ropeTheta == 40_000 && made.maximumPositions == 128)
    #expect(made.ropeScaling == source.ropeScaling && same == weights)
    let config = try String(contentsOfFile: start + "/config.json", encoding: .utf8)
    #expect(config.contains(#""rope_theta": 40000.0"#))
    #expect(config.contains(#""max_position_embeddings": 128"#))
    let frozen = try String(contentsOfFile: run.directory.definition, encoding: .utf8)
    #expect(frozen.contains("rope_theta: 40000") && frozen.contains("max_position_embeddings: 128"))
    // They are identity: the same run with others is another one.
    #expect(throws: (any Error).self) {
      try Run(
        opening: run.directory,
        overrides: [(key: "model.overrides.rope_theta", value: "20000")])
    }
  }

  @Test func withoutThemTheConfigurationIsTheModels() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let path = try model(folder, .qwen3ForCausalLM)
    let run = try folder.create([("model.path", path)])
    #expect(
      try ModelDirectory.configuration(at: run.directory.checkpoint(0))
        == ModelDirectory.configuration(at: path))
  }

  @Test func randomWeightsHaveNothingToOverride() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    for override in Self.overrides {
      let error = #expect(throws: DefinitionError.self) { try folder.settings([override]) }
      #expect(error?.remedy.contains("model.maximum_positions") == true)
    }
  }

  /// Every family goes through the stages: rollouts, updates, the equality of both log-probabilities.
  @Test(arguments: [ModelArchitecture.llamaForCausalLM, .qwen3ForCausalLM])
  func aRunOfAnotherFamilyTrains(architecture: ModelArchitecture) throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let path = try model(folder, architecture)
    try Run.create(try folder.definition([("model.path", path)]), at: folder.directory)
    _ = try finish(folder.directory)
    let run = try Run(opening: folder.directory)
    let (configuration, weights) = try ModelDirectory.read(run.directory.checkpoint(3))
    #expect(configuration.architecture == architecture)
    #expect(try weights != ModelDirectory.read(path).parameters)
  }
}

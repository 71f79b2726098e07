import Definition
import Estimator
import Foundation
import Records
import Stages
import Testing

@Suite struct AlgorithmSettingsTests {
  /// A definition whose algorithm section is `yaml`.
  private func settings(_ yaml: String) throws -> RunSettings {
    try RunSettings(
      RunKeys.schema.resolve(
        text: """
          steps: 1
          model: {tokenizer: \(TemporaryRun.tokenizer)}
          data: {prompts: shards/ladder-train}
          \(yaml)
          """, name: "test.yaml", overrides: []))
  }

  @Test func theYAMLOfEveryEntryIsThatAlgorithmAgain() throws {
    var wrong: [String] = []
    for entry in Algorithm.catalog {
      var algorithm = entry.build()
      for term in [\Algorithm.rollouts, \.offPolicy, \.imitation]
      where algorithm[keyPath: term].aggregation.dividesByConstant {
        algorithm[keyPath: term].aggregation.constant = 64
      }
      var again = try settings(algorithm.yaml()).algorithm.algorithm
      again.name = algorithm.name
      again.form = algorithm.form
      // What no part reads is not written, and is as plain as `custom` has it.
      if again.settings != algorithm.settings { wrong.append(entry.name) }
    }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [
    ("{name: grop}", "grpo"), ("{name: grpo, mask: {kind: klip}}", "clip"),
    ("{name: grpo, sft_weight: 0.5}", "sft_weight"),
    ("{name: grpo, shape: {kind: fraction}}", "shape"),
    ("{name: grpo, advantage: {kind: gae}}", "critic"),
    ("{name: sft, advantage: {std_epsilon: 0.1}}", "std_epsilon"),
    ("{name: dr_grpo}", "constant"), ("{name: dpo, advantage: {kind: centered}}", "preference"),
    ("{name: grpo, gate: {filter: {keep: 2, score: 'reward / '}}}", "character"),
    (
      "{name: hpt, aggregation: {constant: 8}, gate: {threshold_count: 1, threshold_share: 0.1}}",
      "exclude"
    ),
  ]) func whatCannotWorkIsRefusedByName(yaml: String, named: String) throws {
    let error = #expect(throws: DefinitionError.self) { try settings("algorithm: \(yaml)") }
    #expect(error?.exitStatus == .usage)
    #expect(error.map { "\($0)".contains(named) } == true, "\(error!)")
  }

  @Test func everyDefinitionOfTheFolderIsReadAndEveryAlgorithmHasOne() throws {
    let folder = TemporaryRun.root + "/pipelines/algorithms"
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    var seen: Set<String> = []
    for file in files {
      let settings = try RunSettings(RunKeys.schema.resolve(file: "\(folder)/\(file)"))
      seen.insert(settings.algorithm.name)
    }
    let missing = Set(Algorithm.names).subtracting(seen).subtracting(["custom"])
    #expect(missing.isEmpty)
  }
}

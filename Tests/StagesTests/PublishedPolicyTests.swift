import Foundation
import Policy
import Stages
import Testing

/// Policy versions on disk, which other processes read while the optimizer comes and goes.
@Suite struct PublishedPolicyTests {
  /// An optimizer that starts publishes the version that its weights are.
  private func startOptimizer(_ place: TemporaryRun) throws {
    _ = try RunSession(
      try Run(opening: place.directory), stages: [.optimizer], publishes: true,
      interruption: Interruption())
  }

  private func inode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.systemFileNumber] as? Int)
  }

  @Test(arguments: ["", "/critic"])
  func whatIsWholeIsNotTakenFromUnderAReaderAndWhatIsDamagedIsReplaced(part: String) throws {
    let place = try TemporaryRun(prompts: sums(6))
    _ = try place.create([
      ("algorithm.name", "ppo"), ("algorithm.form", "paper"),
      ("algorithm.aggregation.constant", "null"),
    ])
    try startOptimizer(place)
    let weights = place.directory.policy(0) + part + "/model.safetensors"
    let first = try inode(weights)
    try startOptimizer(place)
    #expect(try inode(weights) == first)

    let whole = try Data(contentsOf: URL(fileURLWithPath: weights))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: weights))
    try startOptimizer(place)
    #expect(try Data(contentsOf: URL(fileURLWithPath: weights)) == whole)
    let folder = try FileManager.default.contentsOfDirectory(atPath: place.directory.policies)
    #expect(folder == ["0"])
  }
}

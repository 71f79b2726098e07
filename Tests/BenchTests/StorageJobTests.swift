import Bench
import Foundation
import Records
import Testing

@Suite("storage and text")
struct StorageJobTests {
  @Test("a store of groups has its bytes, its writes and its reads", arguments: [1, 1001])
  func store(count: Int) throws {
    let record = try StoreBench(.trajectories, count: count, in: nil).run()
    #expect(record.job == "store" && record.shape == "\(count)")
    let raw = try #require(record.figures["raw_mb"])
    // The peers' groups have 4 to 16 KiB.
    #expect(raw > 0.004 * Double(count) && raw < 0.0165 * Double(count))
    for name in [
      "anonymous_mb", "disk_mb", "disk_share_of_raw", "write_mb_per_second",
      "random_reads_per_second",
    ] {
      #expect(try #require(record.figures[name]) > 0, "\(name)")
    }
  }

  @Test("simulated records count their own bytes")
  func simulated() throws {
    let record = try StoreBench(.simulated(bytes: 100), count: 2500, in: nil).run()
    #expect(record.figures["raw_mb"] == 0.25)
  }

  @Test("a durable queue pushes and pops four commits at least")
  func queue() throws {
    let record = try DurableQueueBench(batch: 3, seconds: 0, in: nil).run()
    #expect(try #require(record.figures["push_items_per_second"]) > 0)
    let commits = try #require(record.figures["push_commits_per_second"])
    #expect(abs(3 * commits - (record.figures["push_items_per_second"] ?? 0)) < 1e-6 * commits)
    #expect(try #require(record.figures["fdatasync_4k_median_microseconds"]) > 0)
  }

  @Test("a folder that is not there is refused, and nothing is left in one that is")
  func folders() throws {
    #expect(throws: (any Error).self) {
      try StoreBench(.trajectories, count: 1, in: "/none/such")
    }
    let model = try TinyModel()
    _ = try DurableQueueBench(batch: 1, seconds: 0, in: model.path).run()
    let left = try FileManager.default.contentsOfDirectory(atPath: model.path)
    #expect(!left.contains { $0.hasPrefix("pipeline-bench") }, "\(left)")
  }

  @Test("the gate decides in memory and as a stage")
  func gate() throws {
    let record = try GateBench(algorithm: "hpt", in: nil).run(steps: 1)
    #expect(try #require(record.figures["decisions_per_second"]) > 0)
    #expect(try #require(record.figures["stage_groups_per_second"]) > 0)
    #expect(throws: (any Error).self) { try GateBench(algorithm: "none", in: nil) }
  }

  @Test("a tenth of what every verifier sees is right", arguments: VerifierBench.names)
  func verifier(name: String) throws {
    let record = VerifierBench(name).run(steps: 1)
    let share = try #require(record.figures["share_right"])
    #expect(share > 0.08 && share < 0.12, "\(share)")
  }

  @Test("synthetic groups are the same each time, and as skewed as the peers'")
  func synthetic() {
    let groups = (0..<100).map(SyntheticTrajectories().group)
    #expect(groups == (0..<100).map(SyntheticTrajectories().group))
    let tokens = groups.flatMap { $0.rollouts.rollouts.flatMap(\.tokens) }
    #expect(tokens.allSatisfy { (0..<512).contains($0) })
    // Zipf with exponent 1.1 over 512: the first id has 1 / 5.6 of all.
    let first = Double(tokens.count { $0 == 0 }) / Double(tokens.count)
    #expect(first > 0.16 && first < 0.21, "\(first)")
    let sure = groups.flatMap { $0.rollouts.rollouts.flatMap(\.logProbabilities) }
    #expect(sure.allSatisfy { $0 <= 0 })
    let near = Double(sure.count { $0 > -0.01 }) / Double(sure.count)
    #expect(near > 0.48 && near < 0.54, "\(near)")
  }
}

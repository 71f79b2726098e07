import Foundation
import Testing

@Suite("check", .needsBinary)
struct CheckTests {
  private static let estimator = Binary.root + "/Tests/EstimatorTests/Fixtures"
  private static let goldenModels = Binary.root + "/../shared/golden/model"

  @Test("golden vectors pass, under the names they were given by")
  func passes() throws {
    let file = Self.estimator + "/sft.json"
    let result = try Binary.run(["check", "estimator", file, Self.estimator, "--json"])
    #expect(result.status == 0, "\(result)")
    let report = try result.object()
    let files = try #require(report["files"] as? [String: [String: Any]])
    #expect(Set(files.keys) == [file, Self.estimator])
    #expect(Set(report.keys) == ["cases", "passed", "failed", "skipped", "files"])
    #expect(
      Set(files[file]?.keys.map { $0 } ?? [])
        == ["cases", "passed", "failed", "skipped", "worst", "failures"])
    #expect(report["failed"] as? Int == 0)
  }

  /// The library chooses its kernel when it is loaded, by the environment.
  // skipped: needs ../shared/golden/model
  @Test(
    "golden models pass with another machine's instructions",
    .enabled(
      if: FileManager.default.fileExists(atPath: goldenModels),
      "skipped: needs ../shared/golden/model"))
  func otherInstructions() throws {
    let models = try FileManager.default.contentsOfDirectory(atPath: Self.goldenModels)
      .map { "\(Self.goldenModels)/\($0)" }.filter {
        FileManager.default.fileExists(atPath: $0 + "/config.json")
      }
    try #require(!models.isEmpty)
    let result = try Binary.run(
      ["check", "model"] + models, environment: ["TEMPER_ISA": "avx2"])
    #expect(result.status == 0 && result.out.contains(" 0 failed"), "\(result)")
  }

  @Test("a README beside golden folders is skipped, and counted")
  func skips() throws {
    let scratch = try Scratch()
    let readme = try scratch.write("# Golden data", to: "README.md")
    for kind in ["model", "safetensors", "tokenizer", "estimator"] {
      let result = try Binary.run(["check", kind, readme, "--json"])
      #expect(result.status == 0, "\(result)")
      let report = try result.object()
      #expect(report["skipped"] as? Int == 1 && report["cases"] as? Int == 0)
    }
  }

  @Test("what cannot be read or understood is a failed case and exit 3, never a crash")
  func fails() throws {
    let scratch = try Scratch()
    let bad = try scratch.write("{\"cases\": [", to: "bad.json")
    for (kind, argument) in [
      ("estimator", bad), ("estimator", "\(scratch.path)/none.json"), ("estimator", scratch.path),
      ("model", "\(scratch.path)/none"), ("model", scratch.path),
      ("safetensors", "\(scratch.path)/none"), ("safetensors", scratch.path),
      ("tokenizer", "\(scratch.path)/none"), ("tokenizer", scratch.path),
    ] {
      let result = try Binary.run(["check", kind, argument, "--json"])
      #expect(result.status == 3, "\(kind) \(argument): \(result)")
      let report = try result.object()
      let files = try #require(report["files"] as? [String: [String: Any]])
      #expect((files[argument]?["failures"] as? [String])?.isEmpty == false)
    }
    let text = try Binary.run(["check", "estimator", bad])
    #expect(text.status == 3 && text.out.contains("failed"))
    let none = try Binary.run(["check", "safetensors", "\(scratch.path)/none"])
    #expect(none.out.contains("there is no such directory"))
  }
}

import Check
import Foundation
import Testing
import Tokenizer

@Suite struct GoldenTests {
  @Test(arguments: ["arith-1024", "arith-1024-unicode", "characters", "gaps", "strips"])
  func everyVectorOfTheFixturesAgrees(name: String) {
    let report = TokenizerFixtures.report(TokenizerFixtures.directory + "/" + name)
    #expect(report.failures == [])
    #expect(report.passed > 100 && report.passed == report.cases)
  }

  @Test(
    .enabled(
      if: TokenizerFixtures.hasShared, "skipped: needs ../shared/golden/tokenizer"),
    arguments: ["arith-1024", "qwen2.5", "llama3.1", "gpt2", "qwen2.5-math"])
  func everyVectorOfThePublishedTokenizersAgrees(name: String) {
    let report = TokenizerFixtures.report(TokenizerFixtures.shared + "/" + name)
    #expect(report.failures == [])
    #expect(report.passed >= 26 && report.passed == report.cases)
  }

  /// The check itself must be able to fail: one id changed, one name unknown, nothing there.
  @Test func aWrongVectorAnUnknownFieldAndAnEmptyDirectoryAreFailures() throws {
    let source = TokenizerFixtures.directory + "/gaps/"
    let vectors = try String(contentsOfFile: source + "vectors.json", encoding: .utf8)
    let folder = FileManager.default.temporaryDirectory.path + "/check-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(TokenizerFixtures.report(folder).failed == 1)
    try FileManager.default.copyItem(
      atPath: source + "tokenizer.json", toPath: folder + "/tokenizer.json")
    #expect(TokenizerFixtures.report(folder).failed == 1)
    for (old, new) in [
      ("\"text\": \"axb\"", "\"text\": \"bxa\""), ("\"cases\"", "\"x\":1,\"cases\""),
    ] {
      #expect(vectors.contains(old))
      try Data(vectors.replacing(old, with: new).utf8).write(
        to: URL(fileURLWithPath: folder + "/vectors.json"))
      #expect(TokenizerFixtures.report(folder).failed == 1, "\(new)")
    }
  }
}

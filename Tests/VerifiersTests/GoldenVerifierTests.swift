import Check
import Foundation
import Testing

/// Cases of an independent collection; see its README for where each came from.
@Suite struct GoldenVerifierTests {
  private static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/golden/verifier")

  private static let exists = FileManager.default.fileExists(atPath: folder.path)

  private static func check(_ name: String) -> VerifierCheck.File {
    checkVerifier(file: folder.appendingPathComponent(name).path)
  }

  // skipped: needs ../shared/golden/verifier
  @Test(
    .enabled(if: exists, "skipped: needs ../shared/golden/verifier"),
    arguments: [("gsm8k", 74), ("choice", 11), ("shaping", 87), ("tags", 16)])
  func whole(_ name: String, cases: Int) {
    let file = Self.check("\(name).jsonl")
    #expect(file.cases == cases && file.agreed == cases && file.errors == 0, "\(file.failures)")
  }

  // skipped: needs ../shared/golden/verifier
  @Test(.enabled(if: exists, "skipped: needs ../shared/golden/verifier"))
  func hostileCasesAreDecided() {
    let file = Self.check("adversarial.jsonl")
    #expect(
      file.cases == 148 && file.wrongAccepted == 0 && file.failures.isEmpty, "\(file.failures)")
  }
}

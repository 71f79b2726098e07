import Check
import Foundation
import Operators
import Testing

/// The golden vectors of an independent float64 implementation, where they are.
@Suite struct GoldenModelTests {
  private static let shared = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("../../../shared/golden/model")
    .standardized.path
  private static var exists: Bool { FileManager.default.fileExists(atPath: shared) }

  @Test(
    .enabled(if: exists, "skipped: needs ../shared/golden/model"),
    arguments: ["qwen2-tied", "qwen2-untied-bf16"])
  func everyCaseIsWithinItsTolerance(name: String) {
    let report = checkModel(
      directory: Self.shared + "/" + name, compute: Compute(threads: 2))
    #expect(report.failures == [])
    #expect(report.passed == report.cases && report.cases > 100)
  }

  @Test(.enabled(if: exists, "skipped: needs ../shared/golden/model"))
  func whatIsNotComputedIsAFailureAndNotPassedOver() {
    let report = checkModel(
      directory: Self.shared + "/qwen2-critic", compute: Compute(threads: 1))
    #expect(report.failed == 1 && report.passed == 0)
  }
}

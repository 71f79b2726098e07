import Check
import Testing

/// The authors' numbers, in double precision, within each file's own tolerance.
@Suite struct GoldenTests {
  static let files = [
    "aggregation", "dr_grpo", "entropy", "gate", "grpo", "hpt", "kl_penalty", "optimizer_step",
    "policy_clip", "reinforce", "sft", "toy_training",
  ]

  @Test(arguments: files) func everyCaseMeetsItsTolerance(name: String) {
    let report = checkEstimator(file: Fixtures.path("\(name).json"))
    #expect(report.cases > 0)
    #expect(report.failures == [])
    #expect(report.passed == report.cases)
  }
}

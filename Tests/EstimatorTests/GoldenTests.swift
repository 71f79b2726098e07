import Check
import Foundation
import Testing

/// The authors' numbers, in double precision, within each file's own tolerance.
@Suite struct GoldenTests {
  static let files = [
    "aggregation", "dr_grpo", "entropy", "gate", "grpo", "hpt", "kl_penalty", "optimizer_step",
    "policy_clip", "reinforce", "rloo", "sft", "toy_training",
  ]

  @Test(arguments: files) func everyCaseMeetsItsTolerance(name: String) {
    let report = checkEstimator(file: Fixtures.path("\(name).json"))
    #expect(report.cases > 0)
    #expect(report.failures == [])
    #expect(report.passed == report.cases)
  }
}

/// The check must be able to fail: it names what it does not understand, and it sees wrong numbers.
@Suite struct CheckTests {
  private func report(_ text: String) throws -> CheckReport.File {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("temper-check-\(UUID().uuidString).json").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { unlinkFile(path) }
    return checkEstimator(file: path)
  }

  private func unlinkFile(_ path: String) {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      Issue.record("\(error)")
    }
  }

  private func sft(expected: String, inputs: String = "", hyperparameters: String = "") -> String {
    """
    {"schema": "estimator-golden/1", "algorithm": "sft", "hyperparameters": {},
     "cases": [{"name": "a", "hyperparameters": {"aggregation": "token-mean"\(hyperparameters)},
       "inputs": {"response_lengths": [2], "is_demo": [true], "rewards": [1],
         "logprob": [[-1, -2]]\(inputs)}, "expected": {\(expected)}}]}
    """
  }

  @Test func rightNumbersPassAndWrongOnesFail() throws {
    #expect(try report(sft(expected: "\"loss\": 1.5")).passed == 1)
    #expect(try report(sft(expected: "\"loss\": 1.5001")).failed == 1)
    #expect(try report(sft(expected: "\"grad_logprob\": [[-0.5]]")).failed == 1)
  }

  /// `null` stands for a number that was not finite in the peer.
  @Test func nullComparesNothing() throws {
    #expect(
      try report(sft(expected: "\"loss\": null, \"grad_logprob\": [[-0.5, null]]")).passed == 1)
  }

  @Test func whatIsNotUnderstoodFailsByName() throws {
    let field = try report(sft(expected: "\"loss\": 1.5, \"curl\": 1"))
    #expect(field.failures.first?.contains("curl") == true)
    let input = try report(sft(expected: "\"loss\": 1.5", inputs: ", \"values\": [[0, 0]]"))
    #expect(input.failures.first?.contains("values") == true)
    let key = try report(sft(expected: "\"loss\": 1.5", hyperparameters: ", \"smoothing\": 0.1"))
    #expect(key.failures.first?.contains("smoothing") == true)
    let other = try report(sft(expected: "\"loss\": 1.5").replacing("\"sft\"", with: "\"xpo\""))
    #expect(other.failures.first?.contains("xpo") == true)
    #expect(try report("{").failed == 1)
    #expect(checkEstimator(file: "/nonexistent.json").failed == 1)
  }
}

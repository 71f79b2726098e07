import Estimator
import Foundation

/// Compares the estimator with a golden file of any shape described in the files' own README.
///
/// Everything that a case expects is compared, in double precision, within the file's tolerance. An
/// algorithm, field or parameter that is not understood fails its case by name: nothing passes by
/// being overlooked.
///
/// - Parameter file: path of a JSON file.
/// - Returns: one case per entry. A file that cannot be read is one failed case.
public func checkEstimator(file: String) -> CheckReport.File {
  var report = CheckReport.File()
  do {
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    let golden = try JSONDecoder().decode(GoldenValue.self, from: data)
    let check = EstimatorCheck(file: golden)
    try check.run(into: &report)
  } catch let problem as GoldenProblem {
    report.record("file", failure: problem.description)
  } catch {
    report.record("file", failure: "cannot be read: \(error.localizedDescription)")
  }
  return report
}

/// One golden file under comparison.
struct EstimatorCheck {
  let file: GoldenValue

  /// One thing to compare, with a name for the report.
  typealias Case = (name: String, body: (inout GoldenComparison) throws -> Void)

  func run(into report: inout CheckReport.File) throws(GoldenProblem) {
    let schema = try file.required("schema").string()
    let algorithm = try file.required("algorithm").string()
    switch (schema, algorithm) {
    case ("gate-golden/1", _): record(try gateCases(), into: &report)
    case ("table-golden/1", "policy-clip"), ("table-golden/1", "policy_clip"):
      record(try policyClipCases(), into: &report)
    case ("estimator-golden/1", _):
      for (index, golden) in try file.required("cases").array().enumerated() {
        let name = try golden["name"]?.string() ?? "case \(index)"
        record([(name, { try self.compare(golden, algorithm: algorithm, &$0) })], into: &report)
      }
    default:
      throw GoldenProblem("schema \(schema) with algorithm \(algorithm) is not understood")
    }
  }

  private func compare(
    _ golden: GoldenValue, algorithm: String, _ comparison: inout GoldenComparison
  ) throws {
    if let kind = golden["kind"] {
      throw GoldenProblem("a case of kind \(try kind.string()) is not understood")
    }
    switch algorithm {
    case "kl_penalty": try compareKL(golden, &comparison)
    case "entropy": try compareEntropy(golden, &comparison)
    case "aggregation": try compareAggregation(golden, &comparison)
    case "optimizer_step": try compareOptimizer(golden, &comparison)
    case "toy_training": try compareTraining(golden, &comparison)
    case "hpt": try compareHPT(golden, &comparison)
    case "sft", "reinforce", "rloo", "grpo", "dr_grpo":
      try compareBatch(golden, algorithm: algorithm, &comparison)
    default: throw GoldenProblem("the algorithm \(algorithm) is not built")
    }
  }

  private func record(_ cases: [Case], into report: inout CheckReport.File) {
    let tolerance = file["tolerance"]
    for (name, body) in cases {
      do {
        var comparison = GoldenComparison(
          rtol: try tolerance?["rtol"]?.number() ?? 1e-7,
          atol: try tolerance?["atol"]?.number() ?? 1e-9,
          metricsTolerance: try file["metrics_tolerance"]?.number() ?? 1e-6)
        try body(&comparison)
        report.record(name, worst: comparison.worst, failure: comparison.summary)
      } catch {
        report.record(name, failure: "\(error)")
      }
    }
  }

  /// The file's hyperparameters with those of the case over them.
  func hyperparameters(_ golden: GoldenValue) -> GoldenValue {
    (file["hyperparameters"] ?? .object([:])).overlaid(by: golden["hyperparameters"])
  }

  /// Fails by name for a field that the check would otherwise overlook. Texts are descriptions.
  func refuseUnknown(
    _ what: String, in object: GoldenValue, known: Set<String>
  ) throws(GoldenProblem) {
    for key in object.keys where !known.contains(key) {
      if case .string? = object[key], what == "hyperparameter" { continue }
      if object[key] == nil, what == "hyperparameter" { continue }
      throw GoldenProblem("the \(what) \(key) is not understood")
    }
  }
}

import Estimator
import Files
import Foundation
import Records

/// In which precision a golden file is compared.
public enum CheckPrecision: String, Sendable, CaseIterable {
  /// The estimator as a library: within the tolerance that the file states.
  case double
  /// The training path: what an engine hands over (log-probabilities, entropies, values, logits) is
  /// rounded to single precision at the border, the gradient leaves in single precision, and
  /// everything is compared within rtol 1e-4, atol 1e-6. Rewards are doubles in the records as well.
  case single

  /// A number as an engine would hand it over.
  func rounded(_ value: Double) -> Double { self == .double ? value : Double(Float(value)) }
  func rounded(_ values: [Double]) -> [Double] { values.map(rounded) }
}

/// Compares the estimator with a golden file of any shape described in the files' own README.
///
/// Everything that a case expects is compared. An algorithm, input, field or parameter that is not
/// understood fails its case by name: nothing passes by being overlooked. Texts with a space in them
/// are descriptions; so are what is `published` and the peers' defaults.
///
/// - Parameters:
///   - file: path of a JSON file.
///   - precision: of the numbers at the border, and of the comparison.
/// - Returns: one case per entry. A file that cannot be read is one failed case.
public func checkEstimator(
  file: String, precision: CheckPrecision = .double
) -> CheckReport.File {
  var report = CheckReport.File()
  do {
    let bytes = try RegularFile.read(file, limit: CheckReport.longestFile)
    let golden = try JSONValue(parsing: bytes, location: file)
    try EstimatorCheck(file: GoldenValue(golden), precision: precision).run(into: &report)
  } catch let problem as GoldenProblem {
    report.record("file", failure: problem.description)
  } catch let error as any DescribedError {
    report.record("file", failure: "cannot be read: \(error.problem)")
  } catch {
    report.record("file", failure: "cannot be read: \(error.localizedDescription)")
  }
  return report
}

/// One golden file under comparison.
struct EstimatorCheck: Sendable {
  let file: GoldenValue
  let precision: CheckPrecision

  /// One thing to compare, with a name for the report.
  typealias Case = (name: String, body: (inout GoldenComparison) throws -> Void)
  typealias Compare =
    @Sendable (EstimatorCheck) -> (GoldenCase, inout GoldenComparison) throws -> Void

  /// Files that look at one part alone, by the algorithm that they name.
  private static let parts: [String: Compare] = [
    "kl_penalty": compareKL, "entropy": compareEntropy, "aggregation": compareAggregation,
    "optimizer_step": compareOptimizer, "toy_training": compareTraining,
    "DAPO soft overlong punishment": compareOverlong,
    "DAPO dynamic sampling (group filter)": compareDynamicSampling,
    "RiskPO online quantile tracker": compareQuantiles,
  ]

  func run(into report: inout CheckReport.File) throws {
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
    let known: Set = ["name", "notes", "kind", "hyperparameters", "inputs", "expected"]
    if let key = golden.keys.first(where: { !known.contains($0) }) {
      throw GoldenProblem("the field \(key) of a case is not understood")
    }
    let one = GoldenCase(golden, file: file)
    if let part = Self.parts[algorithm] { return try part(self)(one, &comparison) }
    guard let family = GoldenFamily.all[algorithm] else {
      throw GoldenProblem("the algorithm \(algorithm) is not built")
    }
    if try one.kind == "adaptive_difficulty" { return try compareAdaptive(one, &comparison) }
    try one.refuseKind()
    try compareLoss(one, family, &comparison)
  }

  private func record(_ cases: [Case], into report: inout CheckReport.File) {
    for (name, body) in cases {
      do {
        var comparison = try GoldenComparison(file: file, precision: precision)
        try body(&comparison)
        report.record(name, worst: comparison.worst, failure: comparison.summary)
      } catch {
        report.record(name, failure: "\(error)")
      }
    }
  }
}

/// One entry of a file's `cases`.
struct GoldenCase {
  let inputs: GoldenValue
  let expected: GoldenValue
  let parameters: GoldenParameters
  private let golden: GoldenValue

  init(_ golden: GoldenValue, file: GoldenValue) {
    self.golden = golden
    inputs = golden["inputs"] ?? .object([:])
    expected = golden["expected"] ?? .object([:])
    parameters = GoldenParameters(
      (file["hyperparameters"] ?? .object([:])).overlaid(by: golden["hyperparameters"]))
  }

  var kind: String? {
    get throws(GoldenProblem) { try golden["kind"]?.string() }
  }

  func refuseKind() throws(GoldenProblem) {
    if let kind = try kind { throw GoldenProblem("a case of kind \(kind) is not understood") }
  }
}

/// Fails by name for a field that the check would otherwise overlook.
func refuseUnknown(
  _ what: String, in object: GoldenValue, known: Set<String>
) throws(GoldenProblem) {
  for key in object.keys where !known.contains(key) {
    throw GoldenProblem("the \(what) \(key) is not understood")
  }
}

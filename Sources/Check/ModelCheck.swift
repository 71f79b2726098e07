import Files
import Foundation
public import Operators
import Policy
import Records

/// Compares this build with the golden vectors of a model directory: `expected.json` and
/// `expected.safetensors` beside the checkpoint, computed in float64 by an independent implementation.
///
/// Cases: logits, logprobs, logprobs_temperature_0.6, entropies, entropies_temperature_0.6, means,
/// long, rope_theta_override, loss, grad.NAME, entropy_loss, entropy_grad.NAME, adamw.stepN and
/// adamw.NAME, greedy.N, filters.N, rope, parameters; of a critic: values, hidden, loss, grad.NAME,
/// parameters. `config.legacy.json`, where it is there, must say what config.json says. Tolerances are
/// four times what transformers reaches in float32. Whatever the files hold beyond that is a failure,
/// not something passed over.
/// - Parameter decompress: the plain bytes of a zstd file, for weights in `model.safetensors.zst`;
///   this module has no zstd of its own.
public func checkModel(
  directory: String, compute: Compute, decompress: (String) throws -> [UInt8]
) -> CheckReport.File {
  var report = CheckReport.File()
  do {
    let plain = try PlainModel(directory, decompress: decompress)
    var check = try ModelCheck(directory: directory, model: plain.path, compute: compute)
    check.run()
    report = check.report
  } catch {
    report.record("load", failure: "\(error)")
  }
  return report
}

/// One comparison under way.
struct ModelCheck {
  /// Four times the largest deviation of transformers in float32.
  enum Tolerance {
    static let logits = 2e-4
    static let longLogits = 2.4e-4
    static let logProbability = 5.6e-5
    static let entropy = 5.6e-5
    /// Relative l2 of a tensor.
    static let gradient = 3.6e-5
    static let entropyGradient = 6.4e-5
    static let update = 8e-3
    /// Of log-probabilities after an update.
    static let afterUpdate = 2e-5
    /// The same two for deep models, which store summaries.
    static let deepUpdate = 3.6e-2
    static let deepAfterUpdate = 1.2e-3
    /// Relative, of a scalar loss or norm.
    static let scalar = 3.6e-5
    static let frequency = 1e-12
  }

  /// A file that is not what the golden format says.
  struct Malformed: Error, CustomStringConvertible {
    var description: String
  }

  /// Members of expected.json that are compared, and those that only describe.
  private static let comparedOfPolicy: Set<String> = [
    "sequences", "mean_entropy", "mean_logprob", "long", "rope_theta_override", "loss",
    "grad_summary", "entropy_loss", "entropy_grad_summary", "adamw", "greedy", "filters", "rope",
    "parameters", "parameter_count",
  ]
  private static let comparedOfCritic: Set<String> = [
    "sequences", "loss", "parameters", "parameter_count",
  ]
  private static let descriptive: Set<String> = [
    "name", "architecture", "reference", "logit_scale", "deviation_of_hf_float32", "tensors",
    "head",
    // Compared where the weights are decompressed.
    "model_sha256", "model_bytes",
  ]

  let expected: JSONValue
  let vectors: SafetensorsFile
  let configuration: ModelConfiguration
  let parameters: [Float]
  let compute: Compute
  let sequences: [Sequence]
  var report = CheckReport.File()

  /// A sequence and its numbers.
  struct Sequence {
    var tokens: [Int32]
    /// The first token is the prompt, the others are the response that is scored.
    var group: TrainingGroup {
      TrainingGroup(prompt: [tokens[0]], responses: [Array(tokens.dropFirst())])
    }
    var value: JSONValue

    func weights() throws -> [Double] { try ModelCheck.doubles(value, "weights") }
  }

  /// - Parameters:
  ///   - directory: the golden directory.
  ///   - model: the model directory that it stands for, itself or a decompressed copy.
  init(directory: String, model: String, compute: Compute) throws {
    let path = directory + "/expected.json"
    let bytes = try RegularFile.read(path, limit: CheckReport.longestFile)
    expected = try JSONValue(parsing: bytes, location: path)
    vectors = try SafetensorsFile(path: directory + "/expected.safetensors")
    (configuration, parameters) = try ModelDirectory.read(model)
    self.compute = compute
    sequences = try Self.array(expected, "sequences").map {
      let sequence = Sequence(tokens: try Self.tokens($0, "tokens"), value: $0)
      guard !sequence.tokens.isEmpty else { throw Malformed(description: "an empty sequence") }
      return sequence
    }
    try legacyCase(directory + "/config.legacy.json")
  }

  /// The other spelling of the configuration, where there is one.
  private mutating func legacyCase(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    var legacy = try ModelConfiguration(
      json: try RegularFile.read(path, limit: CheckReport.longestFile), location: path)
    // generation_config.json stands beside both.
    legacy.stopIDs = configuration.stopIDs
    report.record(
      "config.legacy",
      failure: legacy == configuration ? nil : "says something else than config.json")
  }

  private var isOfCritic: Bool { configuration.architecture.head == .value }

  mutating func run() {
    let compared = isOfCritic ? Self.comparedOfCritic : Self.comparedOfPolicy
    for member in expected.object ?? [] {
      guard !Self.descriptive.contains(member.name) else { continue }
      guard compared.contains(member.name) else {
        report.record(member.name, failure: "this build does not know how to compare it")
        continue
      }
      attempt(member.name) { check throws in
        switch member.name {
        case "sequences" where check.isOfCritic: try check.criticSequencesCases()
        case "loss" where check.isOfCritic: try check.criticLossCases(member.value)
        case "sequences": try check.sequencesCases()
        case "mean_entropy", "mean_logprob": try check.meanCase(member)
        case "long": try check.longCase(member.value)
        case "rope_theta_override": try check.ropeOverrideCase(member.value)
        case "loss": try check.lossCases(member.value)
        case "entropy_loss": try check.entropyCases(member.value)
        case "adamw": try check.adamWCases(member.value)
        case "greedy": try check.greedyCases(member.value)
        case "filters": try check.filterCases(member.value)
        case "rope": try check.ropeCase(member.value)
        case "parameters": try check.parametersCase(member.value)
        case "parameter_count":
          let count = try Self.number(member.value, member.name)
          check.compare(member.name, [Double(check.parameters.count)], [count], tolerance: 1e-9)
        default: break  // grad_summary and entropy_grad_summary are read with their losses
        }
      }
    }
    for tensor in vectors.tensors where !isKnown(tensor.name) {
      report.record(tensor.name, failure: "this build does not know how to compare it")
    }
  }

  private func isKnown(_ tensor: String) -> Bool {
    if isOfCritic { return tensor == "hidden" || tensor.hasPrefix("grad.") }
    return ["logits", "long.logits_last4", "rope_theta_override.logits"].contains(tensor)
      || ["grad.", "entropy_grad.", "adamw.step3."].contains { tensor.hasPrefix($0) }
  }

  /// Runs some cases; what they throw is a failure of `name`.
  private mutating func attempt(_ name: String, _ body: (inout ModelCheck) throws -> Void) {
    do { try body(&self) } catch { report.record(name, failure: "\(error)") }
  }

  /// A policy with the stored weights, and another `rope_theta` where one is given.
  func policy(ropeTheta: Double? = nil) throws -> Policy {
    var configuration = configuration
    if let ropeTheta { configuration.ropeTheta = ropeTheta }
    return try Policy(configuration: configuration, parameters: parameters, compute: compute)
  }

  // MARK: Comparing

  /// Records one case: the largest absolute difference over `tolerance`.
  mutating func compare(_ name: String, _ actual: [Double], _ wanted: [Double], tolerance: Double) {
    guard actual.count == wanted.count else {
      report.record(name, failure: "\(actual.count) values instead of \(wanted.count)")
      return
    }
    var worst = 0.0
    for (a, b) in zip(actual, wanted) {
      let error = abs(a - b)
      worst = error.isNaN ? .infinity : max(worst, error)
    }
    report.record(name, worst: worst / tolerance)
  }

  /// Records one case: the l2 norm of the difference relative to the wanted one, over `tolerance`.
  mutating func compareRelative(
    _ name: String, _ actual: [Double], _ wanted: [Double], tolerance: Double
  ) {
    guard actual.count == wanted.count else {
      report.record(name, failure: "\(actual.count) values instead of \(wanted.count)")
      return
    }
    var difference = 0.0
    var norm = 0.0
    for (a, b) in zip(actual, wanted) {
      difference += (a - b) * (a - b)
      norm += b * b
    }
    let relative = norm > 0 ? (difference / norm).squareRoot() : difference.squareRoot()
    report.record(name, worst: relative.isNaN ? .infinity : relative / tolerance)
  }
}

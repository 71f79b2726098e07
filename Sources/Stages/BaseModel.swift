import Foundation
import Operators
import Policy
import Records

/// The frozen model that a run's adapter stands on: it stays at `model.path`, is held once, in the type
/// in which it is stored, and is compared with the digest that every adapter of the run names.
public final class BaseModel {
  private let path: String
  private let overrides: ModelSettings.Overrides
  private let compute: Compute
  private var held: Policy?

  /// nil where all weights are trained, which checkpoints hold themselves.
  init?(of settings: RunSettings, _ compute: Compute) {
    guard settings.adapter != nil, let path = settings.model.path else { return nil }
    self.path = path
    self.compute = compute
    overrides = settings.model.overrides
  }

  /// The base without an adapter, read when it is first asked for.
  func policy() throws -> Policy {
    if let held { return held }
    let stored = try StoredModel(opening: path)
    let policy = try Policy(
      stored, configuration: overrides.applied(to: stored.configuration), held: .stored,
      compute: compute)
    held = policy
    return policy
  }

  /// The base with an adapter of it; the weights are not held again.
  func policy(with adapter: Adapter) throws -> Policy {
    do {
      return try Policy(on: try policy(), adapter: adapter)
    } catch let error as PolicyError where error.code == .otherBase {
      throw StageError(
        .changed, at: path, "it is not the base of this run's adapter: \(error.problem)",
        remedy: "Put it back, or name where it is now with `--set model.path=DIR`.")
    }
  }
}

/// The files that a policy of a run stands in: a model directory, or an adapter as PEFT reads it, with
/// the configuration and the tokenizer of the whole model beside it.
enum PolicyFiles {
  /// Writes into an existing directory; no file is overwritten.
  static func write(
    _ policy: Policy, to folder: String, tokenizerFrom tokenizer: String? = nil
  ) throws {
    guard let adapter = policy.adapter else {
      return try ModelDirectory.write(
        policy.configuration, to: folder, tokenizerFrom: tokenizer, values: policy.values)
    }
    try ModelDirectory.writeDescription(
      of: policy.configuration, to: folder, tokenizerFrom: tokenizer)
    try adapter.write(of: policy.configuration, to: folder)
  }

  /// - Parameter base: of the run; nil where the directory holds all weights.
  static func read(_ folder: String, on base: BaseModel?, _ compute: Compute) throws -> Policy {
    guard let base else { return try Policy(StoredModel(opening: folder), compute: compute) }
    let configuration = try ModelDirectory.configuration(at: folder)
    let adapter = try StoredAdapter(opening: folder).adapter(of: configuration)
    let policy = try base.policy(with: adapter)
    guard policy.configuration == configuration else {
      throw StageError(
        .damaged, at: folder + "/config.json", "it describes another model than the adapter's base",
        remedy: "Run `pipeline checkpoint verify RUN`, which says what is damaged.")
    }
    return policy
  }

  /// Whether a directory holds this very policy; not what cannot be read.
  static func hold(_ policy: Policy, in folder: String) -> Bool {
    do {
      guard let adapter = policy.adapter else {
        let stored = try StoredModel(opening: folder)
        return try stored.configuration == policy.configuration && stored.holds(policy.values)
      }
      return try ModelDirectory.configuration(at: folder) == policy.configuration
        && StoredAdapter(opening: folder).adapter(of: policy.configuration) == adapter
    } catch { return false }
  }

  /// The file with what is trained.
  static func weights(in folder: String, _ settings: RunSettings) -> String {
    folder + (settings.adapter == nil ? "/model.safetensors" : "/adapter_model.safetensors")
  }
}

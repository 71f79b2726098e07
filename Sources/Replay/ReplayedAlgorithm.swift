public import Definition
public import Estimator
import Records
import Stages

/// An algorithm to put stored groups under, by the name that the request gave it.
public struct ReplayedAlgorithm: Sendable, Equatable {
  /// What an aggregation divides by where the request did not say.
  public struct Constant: Sendable, Equatable {
    public var value: Double
    /// The key of the run's definition that it was taken from.
    public var source: String
  }

  /// As asked for: `grpo`, `grpo:paper`, `run`, `mine.yaml`.
  public var label: String
  public var algorithm: Algorithm
  /// Nil where the algorithm divides by no constant, or brought its own.
  public var constant: Constant?

  public init(label: String, algorithm: Algorithm, constant: Constant? = nil) {
    self.label = label
    self.algorithm = algorithm
    self.constant = constant
  }

  /// Reads one entry of `--under`.
  ///
  /// - Parameters:
  ///   - text: `run` for the run's own algorithm, a path ending in `.yaml` or `.yml` for the section
  ///     `algorithm` of that file, or a catalogue name, optionally `NAME:paper` or `NAME:released`.
  ///   - form: of catalogue names that say none.
  ///   - definition: of the run. Keys that the file must have and does not are taken from it.
  /// - Throws: for a name, form or file that is none, with the known ones.
  public init(
    _ text: String, form: Algorithm.Form? = nil, run definition: Definition
  ) throws {
    let settings = try RunSettings(definition)
    label = text
    if text == "run" {
      algorithm = settings.algorithm.algorithm
      return
    }
    if text.hasSuffix(".yaml") || text.hasSuffix(".yml") {
      algorithm = try Self.read(file: text, run: definition)
    } else {
      let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
      let named = try parts.count > 1 ? Self.form(parts[1], of: text) : form
      algorithm = try CatalogEntry.find(parts.first ?? "", form: named).build()
    }
    constant = algorithm.fillConstants(from: settings)
    try algorithm.validate()
  }

  private static func form(_ text: String, of entry: String) throws -> Algorithm.Form {
    guard let form = Algorithm.Form(rawValue: text) else {
      throw ReplayError(
        .badRequest, at: entry, "there is no form \"\(text)\"",
        remedy: "Write one of "
          + Algorithm.Form.allCases.map(\.rawValue).joined(separator: ", ") + " after the colon.")
    }
    return form
  }

  /// The keys that a definition must say come from the run, so that a file may hold nothing but the
  /// section `algorithm`.
  private static func read(file: String, run: Definition) throws -> Algorithm {
    let required = RunKeys.schema.keys.filter { $0.standard == nil && $0.path != "algorithm.name" }
    var overrides = required.map { (key: $0.path, value: run.value($0.path).inline) }
    overrides += ["model.path", "model.pretrain", "model.tokenizer"].map {
      (key: $0, value: run.value($0).inline)
    }
    let definition = try RunKeys.schema.resolve(file: file, overrides: overrides)
    return try RunSettings(definition).algorithm.algorithm
  }
}

extension Algorithm {
  /// Gives every aggregation that divides by a constant and has none the run's own, else the longest
  /// response that the run allows.
  ///
  /// - Returns: nil where nothing was filled in.
  fileprivate mutating func fillConstants(
    from settings: RunSettings
  ) -> ReplayedAlgorithm.Constant? {
    let run = settings.algorithm.algorithm
    let own = [
      ("algorithm.aggregation.constant", run.rollouts.aggregation),
      ("algorithm.off_aggregation.constant", run.offPolicy.aggregation),
      ("algorithm.sft_aggregation.constant", run.imitation.aggregation),
    ].compactMap { key, aggregation in
      aggregation.dividesByConstant
        ? aggregation.constant.map { ReplayedAlgorithm.Constant(value: $0, source: key) } : nil
    }
    let constant =
      own.first
      ?? ReplayedAlgorithm.Constant(
        value: Double(settings.rollout.maximumTokens), source: "rollout.maximum_tokens")
    var isUsed = false
    func fill(_ aggregation: inout Aggregation) {
      guard aggregation.dividesByConstant, aggregation.constant == nil else { return }
      aggregation.constant = constant.value
      isUsed = true
    }
    fill(&rollouts.aggregation)
    fill(&offPolicy.aggregation)
    fill(&imitation.aggregation)
    if var bonus = entropy {
      fill(&bonus.aggregation)
      entropy = bonus
    }
    return isUsed ? constant : nil
  }

  /// Whether decisions or advantages of a step depend on the steps before it.
  var carriesMemory: Bool {
    gate.filter?.adaptive.isEmpty == false || advantage.kind == .riskBundle
  }
}

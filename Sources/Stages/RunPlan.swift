public import Definition
import Estimator
import Foundation
import Policy
import Records
import Tokenizer

/// What a run in one process will hold in memory at its peak, worked out before anything runs.
public struct RunPlan: Sendable, Encodable {
  /// Something that takes memory, and how much.
  public struct Part: Sendable, Encodable {
    public var name: String
    public var bytes: Int
  }

  public var parts: [Part] = []
  /// At the peak: all parts together.
  public var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
  /// What was taken for known, in sentences.
  public private(set) var notes: [String] = []
  /// Parameters of the model.
  public private(set) var parameters: Int

  private enum CodingKeys: String, CodingKey {
    case parts, notes, parameters
  }

  /// - Throws: for a definition that does not hold, and for a model that cannot be read and is none of
  ///   the published shapes.
  public init(_ definition: Definition) throws {
    let settings = try RunSettings(definition)
    try self.init(settings, try PlannedModel(settings, definition))
  }

  fileprivate init(_ settings: RunSettings, _ model: PlannedModel) throws {
    notes = model.notes
    let lengths = try PlannedLengths(settings, model)
    notes.append(lengths.note)
    let memory = PolicyMemory(model.configuration, threads: settings.compute.effectiveThreads)
    parameters = memory.parameterCount
    let trained: Int
    if let adapter = settings.adapter {
      trained = 4 * adapter.count(of: model.configuration)
      add("frozen weights, as they are stored", memory.parameterCount * model.storedBytes)
      add("adapter", trained)
    } else {
      trained = memory.parameters
      add("weights", trained)
    }
    let products = settings.compute.products
    let stored = settings.adapter == nil ? 4 : model.storedBytes
    let panels = memory.panels(stored: stored, products)
    add("weights, packed for products", panels)
    add("gradient", trained)
    add("Adam's moments", 2 * trained)
    let positions = model.configuration.maximumPositions
    let prompt = min(lengths.prompt, positions)
    func group(_ responses: Int, _ tokens: Int) -> PolicyMemory.Group {
      PolicyMemory.Group(
        promptTokens: prompt, responses: responses,
        responseTokens: max(1, min(tokens, positions - prompt)))
    }
    let rollout = settings.rollout
    let sampled = group(rollout.count, rollout.maximumTokens)
    let imitated = group(1, lengths.demonstration)
    let waveGroups = settings.reader.promptsPerStep
    let micro = min(settings.optimizer.microBatchGroups, waveGroups)
    let checkpoints = settings.optimizer.gradientCheckpointing
    func training(_ memory: PolicyMemory) -> Int {
      max(
        rollout.count > 0
          ? memory.training(sampled, count: micro, checkpoints: checkpoints) : 0,
        lengths.demonstration > 0
          ? memory.training(imitated, count: micro, checkpoints: checkpoints) : 0)
    }
    add("activations and logits", training(memory))
    let chunk = min(rollout.chunkGroups, waveGroups)
    let evaluation = settings.evaluation
    add(
      "key-value cache and sampling",
      max(
        rollout.count > 0 ? memory.generation(sampled, count: chunk) : 0,
        evaluation.takesPlace
          ? memory.generation(
            group(evaluation.samples, evaluation.maximumTokens), count: chunk) : 0))
    if settings.algorithm.algorithm.value != nil {
      add("critic, gradient and moments", 4 * memory.parameters)
      add("the critic's activations", training(memory))
    }
    if rollout.record.contains(RecordedQuantity.anchor) {
      // Beside an adapter the anchor is the base, which is held already.
      let held = settings.adapter != nil && settings.model.anchor == nil ? 0 : memory.parameters
      add(
        "KL anchor",
        held + memory.scoring(sampled, count: chunk))
    }
    if rollout.lag > 0 {
      add(
        "policy that samples, \(rollout.lag) steps behind", trained + panels)
    }
    add(
      "program and tokenizer",
      Self.program + Self.tokenizerEntry * model.configuration.vocabularySize)
  }

  private mutating func add(_ name: String, _ bytes: Int) {
    parts.append(Part(name: name, bytes: bytes))
  }

  /// Bytes of a process that has done nothing yet, with its libraries.
  private static let program = 60 << 20
  /// Bytes that a tokenizer takes for each of its tokens.
  private static let tokenizerEntry = 700

  /// - Throws: `.badRun` where the machine, or the control group of this process, has less memory.
  public func requireFits(named name: String) throws {
    let limit = MachineMemory.limit
    guard bytes > limit else { return }
    throw StageError(
      .badRun, at: name,
      "its peak is planned at \(Self.gibibytes(bytes)), more than the "
        + "\(Self.gibibytes(limit)) that this process may use",
      remedy: "Look at `pipeline run --plan`; choose a smaller model or shorter responses, or a "
        + "machine with more memory.")
  }

  /// As `7.36 GiB`.
  public static func gibibytes(_ bytes: Int) -> String {
    String(format: "%.2f GiB", Double(bytes) / Double(1 << 30))
  }
}

extension Run {
  /// What this run holds in memory at its peak.
  public func plan() throws -> RunPlan {
    let start = directory.checkpoint(0)
    return try RunPlan(
      settings,
      PlannedModel(
        configuration: try ModelDirectory.configuration(at: start), tokenizer: start,
        storedBytes: PlannedModel.storedBytes(settings)))
  }
}

/// The model that a run will begin with, as far as a plan needs it.
private struct PlannedModel {
  var configuration: ModelConfiguration
  /// A folder with the tokenizer; nil where there is none to be read.
  var tokenizer: String?
  /// Bytes of a parameter of a base that stays as it is stored, under an adapter.
  var storedBytes: Int
  var notes: [String] = []

  init(configuration: ModelConfiguration, tokenizer: String, storedBytes: Int) {
    self.configuration = configuration
    self.tokenizer = tokenizer
    self.storedBytes = storedBytes
  }

  /// Published models are stored in 16 bits.
  static func storedBytes(_ settings: RunSettings) throws -> Int {
    guard settings.adapter != nil, let path = settings.model.path,
      FileManager.default.fileExists(atPath: path)
    else { return WeightStorage.bf16.stride }
    let storages = Set(try StoredModel(opening: path).tensors.map(\.storage))
    return storages.count == 1 ? storages.first?.stride ?? 4 : WeightStorage.f32.stride
  }

  init(_ settings: RunSettings, _ definition: Definition) throws {
    storedBytes = try Self.storedBytes(settings)
    switch settings.model.origin {
    case .directory(let path):
      if FileManager.default.fileExists(atPath: path) {
        configuration = try ModelDirectory.configuration(at: path)
        tokenizer = path
      } else {
        guard let published = Self.published(path) else {
          // The error that a run would meet.
          configuration = try ModelDirectory.configuration(at: path)
          return
        }
        configuration = published.configuration
        notes.append("\(path) is not there: planned with the published shape \(published.name).")
      }
      configuration = settings.model.overrides.applied(to: configuration)
    case .random(let folder):
      configuration = try settings.randomConfiguration(folder)
      tokenizer = folder
    case .pretrained:
      guard let file = ModelSettings.baseFile(of: definition) else {
        preconditionFailure("a model that is pretrained by no definition")
      }
      let base = try RunKeys.schema.resolve(file: file)
      let model = try PlannedModel(RunSettings(base), base)
      configuration = settings.model.overrides.applied(to: model.configuration)
      tokenizer = model.tokenizer
      notes = model.notes
    case nil: preconditionFailure("settings without a model were refused when they were read")
    }
  }

  /// The published shape that a directory is named after.
  private static func published(_ path: String) -> (
    name: String, configuration: ModelConfiguration
  )? {
    let name = (path as NSString).lastPathComponent.lowercased()
    return ModelConfiguration.named.first { $0.name == name }
  }
}

/// Tokens of the longest prompt and demonstration, as far as a look at the data tells.
private struct PlannedLengths {
  var prompt: Int
  /// 0 where there are none.
  var demonstration: Int
  var note: String

  /// Prompts that are looked at: the first of the run.
  private static let looked = 2048

  init(_ settings: RunSettings, _ model: PlannedModel) throws {
    let reader = settings.reader
    prompt = reader.promptLimit
    demonstration = reader.demonstrationLimit
    guard let tokenizer = model.tokenizer,
      FileManager.default.fileExists(atPath: tokenizer + "/tokenizer.json"),
      FileManager.default.fileExists(atPath: reader.prompts)
    else {
      note =
        "The data or the tokenizer are not there: prompts and demonstrations are taken to be as long "
        + "as their limits, \(prompt) and \(demonstration) tokens."
      return
    }
    let stream = try PromptStream(reader, seed: settings.seed)
    let renderer = try PromptRenderer(
      directory: tokenizer, configuration: model.configuration, reader, stream)
    prompt = 1
    demonstration = 0
    let count = min(Self.looked, max(stream.promptRows, 1))
    for place in 0..<UInt64(count) {
      let group = try renderer.render(try stream.prompt(at: place).prompt)
      if group.refusal == nil { prompt = max(prompt, group.promptTokens.count) }
      for response in group.demonstrations + group.rejected {
        demonstration = max(demonstration, response.tokens.count)
      }
    }
    note =
      "Of the first \(count) prompts the longest has \(prompt) tokens, the longest demonstration "
      + "\(demonstration); responses are taken to be as long as they may be."
  }
}

import ChatTemplate
public import Definition
import Digest
import Estimator
import Files
import Foundation
import Operators
import Policy
import Queue
import Records
import Tokenizer

extension Run {
  /// Makes a run directory: queue, definition, and checkpoint 0 with the initial weights.
  ///
  /// It is built beside its place and renamed when whole, so that a run either exists or does not,
  /// and of two processes that create the same one, the second finds the first one's.
  /// - Parameters:
  ///   - initialModel: model directory to start from where the definition says `model.pretrain`.
  ///   - fork: a run whose stored groups the new one begins with.
  public static func create(
    _ definition: Definition, at directory: RunDirectory, initialModel: String? = nil,
    fork: RunFork? = nil
  ) throws {
    let settings = try RunSettings(definition)
    try settings.makeVerifiers().prepare()
    let compute = settings.compute.makeCompute()
    let stream = try PromptStream(settings.reader, seed: settings.seed)
    let (policy, tokenizer) = try settings.initialPolicy(compute, initialModel: initialModel)

    try policy.configuration.requireRows(
      for: Tokenizer(file: tokenizer + "/tokenizer.json"), in: tokenizer)
    let rendersChat =
      settings.reader.chat == .always || settings.reader.chat == .messages && stream.holdsMessages
    if rendersChat { try checkChat(tokenizer) }
    let anchor = try settings.model.anchor.map { try settings.policy(in: $0, compute) }
    if let anchor, anchor.configuration.vocabularySize != policy.configuration.vocabularySize {
      throw StageError(
        .badRun, at: settings.model.anchor ?? "", "it has another vocabulary than the model",
        remedy: "Name an anchor with the model's tokenizer.")
    }
    let critic = settings.algorithm.algorithm.value.map { _ in Critic.initial(from: policy) }

    try DurableFile.createFolder(PathParts.folder(of: directory.path))
    let building = directory.creation
    AbandonedFiles.removeAll(of: directory)
    try remove(building)
    let tokenizerBytes = try DurableFile.read(tokenizer + "/tokenizer.json")
    let identity = RunIdentity(
      definition: hexadecimal(SHA256.hash(Array(definition.identityText.utf8))),
      data: stream.fingerprints, files: stream.files, model: hexadecimal(policy.weightsDigest()),
      base: settings.adapter.map { _ in hexadecimal(policy.baseDigest()) },
      anchor: anchor.map { hexadecimal($0.weightsDigest()) },
      critic: critic.map { hexadecimal($0.weightsDigest()) },
      tokenizer: hexadecimal(SHA256.hash(tokenizerBytes)), productKernel: compute.productKernel)
    do {
      for folder in [building.path, building.checkpoints, building.policies, building.logs] {
        try DurableFile.createFolder(folder)
      }
      do {
        let queue = try Queue.create(at: building.queue, identity: try identity.encoded())
        try CheckpointStore(directory: building, kept: settings.checkpoint.kept).save(
          step: 0,
          CheckpointStore.Content(
            policy: policy, moments: AdamWState(for: policy),
            critic: critic.map { ($0, AdamWState(for: $0)) }, tokenizer: tokenizer),
          Ledger(queue: queue))
        try fork?.fill(
          queue, settings, identity, policy, critic, anchor: anchor,
          chat: rendersChat ? tokenizer : nil)
        // What was copied went around the ledger.
        if fork != nil { try queue.writeHeadRecord() }
      }
      try freeze(definition, [], identity, in: building)
      try DurableFile.syncFolder(building.path)
      try DurableFile.rename(building.path, to: directory.path)
    } catch let creationError {
      let cameSecond =
        (creationError as? StageError)?.code == .madeElsewhere && directory.exists
      // A creation that failed, or came second, leaves nothing beside the run. What cannot be removed,
      // perhaps for the same cause, the next creation removes: the first error is the one to show.
      do { try remove(building) } catch { throw creationError }
      guard cameSecond else { throw creationError }
      throw StageError(
        .madeElsewhere, at: directory.path, "another process has made this run meanwhile",
        remedy: "Continue it with `pipeline resume \(directory.path)`.")
    }
  }

  /// A chat template that is needed and missing, or not done here, is better known before anything runs.
  private static func checkChat(_ folder: String) throws {
    if try ChatTemplate.load(directory: folder) == nil {
      throw StageError(
        .badRun, at: folder, "it has no chat template, which the prompts of data.prompts need",
        remedy: "Put the model's chat_template.jinja there, or set data.chat to never, so that the "
          + "messages stand in data.template as they are.")
    }
  }

  static func remove(_ building: RunDirectory) throws {
    guard FileManager.default.fileExists(atPath: building.path) else { return }
    try FileManager.default.removeItem(atPath: building.path)
  }
}

extension RunSettings {
  /// The initial weights, and the directory whose tokenizer goes with them.
  func initialPolicy(
    _ compute: Compute, initialModel: String?
  ) throws -> (Policy, tokenizer: String) {
    switch model.origin {
    case .directory(let path):
      if let adapter, let base = BaseModel(of: self, compute) {
        let held = try base.policy()
        let initial = Adapter.initial(
          adapter, of: held.configuration, base: .init(name: path, digest: held.baseDigest()),
          seed: seed)
        return (try base.policy(with: initial), path)
      }
      return (try policy(in: path, compute, model.overrides), path)
    case .random(let folder): return (try randomPolicy(folder, compute), folder)
    case .pretrained(let path):
      guard let initialModel else {
        throw StageError(
          .badRun, at: "\(name): model.pretrain", "\(path) has not been trained",
          remedy: "Run it first, or start this definition with `pipeline run`, which does both.")
      }
      return (try policy(in: initialModel, compute, model.overrides), initialModel)
    case nil: preconditionFailure("settings without a model were refused when they were read")
    }
  }

  func policy(
    in path: String, _ compute: Compute,
    _ overrides: ModelSettings.Overrides = ModelSettings.Overrides()
  ) throws -> Policy {
    let stored = try StoredModel(opening: path)
    return try Policy(
      stored, configuration: overrides.applied(to: stored.configuration), compute: compute)
  }

  private func randomPolicy(_ folder: String, _ compute: Compute) throws -> Policy {
    Policy(configuration: try randomConfiguration(folder), seed: seed, compute: compute)
  }

  /// The shape of a model with random weights, for the tokenizer in `folder`.
  func randomConfiguration(_ folder: String) throws -> ModelConfiguration {
    let tokenizer = try Tokenizer(file: folder + "/tokenizer.json")
    guard let stop = tokenizer.id(of: model.endOfSequence) else {
      throw StageError(
        .badRun, at: folder + "/tokenizer.json",
        "it has no token \(model.endOfSequence), which model.end_of_sequence names",
        remedy: "Name a token of this tokenizer.")
    }
    guard model.headCount % model.keyValueHeadCount == 0, model.headDimension % 2 == 0 else {
      throw StageError(
        .badRun, at: "\(name): model",
        "\(model.headCount) heads of \(model.headDimension) do not share "
          + "\(model.keyValueHeadCount) key and value heads",
        remedy: "Choose heads that are a multiple of key_value_heads, and an even head_dimension.")
    }
    return ModelConfiguration(
      // Whole cache lines for the head; rows without a token are never sampled.
      vocabularySize: (tokenizer.count + 15) / 16 * 16, hiddenSize: model.hiddenSize,
      intermediateSize: model.intermediateSize, layerCount: model.layerCount,
      headCount: model.headCount, keyValueHeadCount: model.keyValueHeadCount,
      headDimension: model.headDimension, ropeTheta: model.ropeTheta,
      maximumPositions: model.maximumPositions, stopIDs: [stop])
  }
}

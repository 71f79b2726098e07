public import Definition
import Digest
import Estimator
import Files
import Foundation
import Operators
import Policy
import Queue
public import Records

/// A new run that goes on from a point of another one: its records up to there, its weights as a
/// checkpoint of its own, and the same definition or a changed one.
///
/// The source may be running: its queue is copied in one view. With the same definition the new run
/// repeats the source's records from there on, bit by bit.
public struct RunBranch {
  private let source: Run
  private let cut: RunCut
  private let boundary: StepBoundary
  private let stage: StageName?
  /// The first group that is worked off anew.
  public let group: GroupID
  private let taken: GroupID

  /// Goes on from `step` committed steps.
  public init(_ source: Run, at step: UInt64) throws {
    let committed = try source.ledger.cursor(.optimizer)
    guard step <= committed else {
      throw StageError(
        .badRun, at: "step \(step)", "the run has \(committed) committed steps",
        remedy: "Name one of them.")
    }
    let positions = try RunPositions(at: step, source.settings, source.ledger)
    self.source = source
    cut = positions.cut
    boundary = positions.boundary
    stage = nil
    group = positions.groups
    taken = positions.groups
  }

  /// Lets one stage work off again what it has consumed, from `group` on.
  public init(_ source: Run, again stage: StageName, from group: GroupID) throws {
    let stageCut = try StageCut(stage, from: group, source.settings, source.ledger)
    self.source = source
    self.stage = stage
    cut = stageCut.cut
    boundary = stageCut.boundary
    self.group = stageCut.start
    taken = stageCut.taken
  }

  /// The step from which on the new run has no weights yet.
  public var step: UInt64 { boundary.step }

  /// Makes the new run: beside its place, and renamed when whole.
  ///
  /// - Parameters:
  ///   - definition: nil: the source's. Identity keys may differ, but for those of the model.
  ///   - replayed: told of every step that is worked off again to have its weights.
  public func create(
    at directory: RunDirectory, _ definition: Definition? = nil,
    replayed: (UInt64) throws -> Void = { _ in }
  ) throws {
    let frozen = try FrozenDefinition.read(of: source.directory)
    let definition = definition ?? frozen
    let changes = definition.changes(from: frozen)
    try Self.check(changes, source.directory)
    guard !FileManager.default.fileExists(atPath: directory.path) else {
      throw StageError(
        .badRun, at: directory.path, "it is there already", remedy: "Choose another directory.")
    }
    try DurableFile.createFolder(PathParts.folder(of: directory.path))
    AbandonedFiles.removeAll(of: directory)
    let building = directory.creation
    try Run.remove(building)
    do {
      for folder in [building.path, building.checkpoints, building.policies, building.logs] {
        try DurableFile.createFolder(folder)
      }
      let identity = try fill(building, definition, changes, replayed)
      try Run.freeze(definition, [], identity, in: building)
      try DurableFile.syncFolder(building.path)
      try DurableFile.rename(building.path, to: directory.path)
    } catch {
      try Run.remove(building)
      throw error
    }
  }

  /// The weights are there already: what shapes them cannot change any more.
  private static func check(_ changes: [Change], _ source: RunDirectory) throws(StageError) {
    let refused = changes.first {
      $0.role == .identity && $0.path != "model.anchor"
        && ($0.path.hasPrefix("model.") || $0.path.hasPrefix("adapter."))
    }
    guard let refused else { return }
    throw StageError(
      .badRun, at: source.path,
      "\(refused.path) is \(refused.old) in the run and \(refused.new) in the fork",
      remedy: "Leave the model as it is: the fork goes on with the run's weights.")
  }

  private func fill(
    _ building: RunDirectory, _ definition: Definition, _ changes: [Change],
    _ replayed: (UInt64) throws -> Void
  ) throws -> RunIdentity {
    let settings = try RunSettings(definition)
    let stream = try PromptStream(settings.reader, seed: settings.seed)
    let publisher =
      settings.rollout.lag > 0
      ? PolicyPublisher(directory: building, kept: settings.rollout.lag + 2) : nil
    let optimizer = try source.optimizer(
      at: boundary.step, publisher: publisher, replayed: replayed)
    var content = optimizer.content(tokenizer: source.directory.checkpoint(0))
    if settings.algorithm.algorithm.value == nil {
      content.critic = nil
    } else if content.critic == nil {
      let critic = Critic.initial(from: optimizer.policy)
      content.critic = (critic, AdamWState(for: critic))
    }
    var identity = try identity(definition, settings, stream)
    if boundary.step == 0 {
      identity.critic = content.critic.map { hexadecimal($0.model.weightsDigest()) }
    }
    try source.queue.copy(to: building.queue)
    let queue = try Queue.open(at: building.queue)
    let ledger = Ledger(queue: queue)
    let store = CheckpointStore(directory: building, kept: settings.checkpoint.kept)
    // A critic that the source has not, or has and the fork has not, makes step 0 another checkpoint.
    let keepsInitial = boundary.step > 0 || identity.critic == source.identity.critic
    let initial = try CheckpointStore.pointers(ledger).filter { keepsInitial && $0.step == 0 }
    try queue.write(claims: []) { transaction in
      try transaction.apply(cut)
      if Self.isAnotherAlgorithm(changes) { try transaction.forgetMemory() }
      try transaction.setIdentity(try identity.encoded())
      try transaction.setState(CheckpointStore.key, to: CheckpointStore.stored(initial))
      try transaction.setState(
        RunOrigin.key, to: origin(changes, content.critic?.model).stored())
      var base = try RunBase(transaction)
      base.trimmed.generatedTokens = 0
      try transaction.setState(RunBase.key, to: base.stored())
    }
    for pointer in initial {
      try store.adopt(source.directory.checkpoint(0), as: pointer)
    }
    try store.save(step: boundary.step, content, ledger)
    try keepMetrics(in: building, settings, ledger)
    try queue.writeHeadRecord()
    return identity
  }

  /// What another algorithm's parts remember is not what this one's do: they begin anew.
  private static func isAnotherAlgorithm(_ changes: [Change]) -> Bool {
    changes.contains { $0.role == .identity && $0.path.hasPrefix("algorithm.") }
  }

  private func origin(_ changes: [Change], _ critic: Critic?) -> RunOrigin {
    var boundary = boundary
    if Self.isAnotherAlgorithm(changes) { boundary.memory = StageMemory() }
    if boundary.step > 0 { boundary.digests.critic = critic?.weightsDigest() ?? [] }
    return RunOrigin(
      source: source.directory.path, definition: source.identity.definition, stage: stage,
      group: group, taken: taken,
      changes: changes.map { "\($0.path): \($0.old) -> \($0.new)" }, boundary: boundary)
  }

  private func identity(
    _ definition: Definition, _ settings: RunSettings, _ stream: PromptStream
  ) throws -> RunIdentity {
    var identity = source.identity
    identity.definition = hexadecimal(SHA256.hash(Array(definition.identityText.utf8)))
    identity.data = stream.fingerprints
    identity.files = stream.files
    identity.productKernel = source.compute.productKernel
    if settings.model.anchor != source.settings.model.anchor {
      identity.anchor = try settings.model.anchor.map {
        hexadecimal(try settings.policy(in: $0, source.compute).weightsDigest())
      }
    }
    return identity
  }

  /// The lines of trimmed steps are nowhere else.
  private func keepMetrics(
    in building: RunDirectory, _ settings: RunSettings, _ ledger: Ledger
  ) throws {
    if try ledger.base.step > 0,
      FileManager.default.fileExists(atPath: source.directory.metrics)
    {
      try DurableFile.write(
        try DurableFile.read(source.directory.metrics), to: building.metrics)
    }
    try MetricsFile(of: building, settings).rewrite(from: ledger)
    try ledger.commit()
  }
}

extension WriteTransaction {
  /// Empties what gate and assembler carry; the waves that the assembler has asked for stay.
  fileprivate func forgetMemory() throws {
    try removeState(StageState.key(.gate))
    guard let stored = try state(StageState.key(.loss)) else { return }
    let waves = try AssemblerState(stored: stored).waves
    try setState(StageState.key(.loss), to: AssemblerState(waves: waves, memory: []).stored())
  }
}

import Definition
import Digest
import Estimator
import Foundation
import Operators
import Policy
import Queue
import Records

/// How a checkpoint came back.
public enum CheckpointRestoration: Sendable, Equatable {
  case wasWhole
  /// From the logged batches after an older one.
  case replayed(from: UInt64)
  case copied
  /// The initial weights, made again from the definition.
  case initial
}

extension Run {
  /// Puts the checkpoint of `step` in place again, or makes one where there was none.
  ///
  /// - Parameters:
  ///   - copy: a folder with the files that the checkpoint's manifest names; nil: worked out again
  ///     from an older whole checkpoint and the logged batches, every step's digest compared.
  ///   - replayed: told of every step that is worked off again.
  /// - Throws: `.mismatch` when what comes out is not what was there.
  public func restoreCheckpoint(
    _ step: UInt64, from copy: String? = nil, replayed: (UInt64) throws -> Void = { _ in }
  ) throws -> CheckpointRestoration {
    try ledger.claim(.optimizer)
    defer { ledger.releaseClaims() }
    let pointers = try CheckpointStore.pointers(ledger)
    let pointer = pointers.first { $0.step == step }
    if let pointer, checkpoints.flaws(of: pointer).isEmpty { return .wasWhole }
    if let copy {
      try checkpoints.adopt(copy, as: try existing(pointer, step))
      return .copied
    }
    let older = try CheckpointStore.usable(ledger).last {
      $0.step < step && checkpoints.flaws(of: $0).isEmpty
    }
    guard let older else {
      throw StageError(
        .damaged, at: directory.checkpoint(step), "no older checkpoint is whole to replay from",
        remedy: "Give it a copy of the folder with --from.")
    }
    let optimizer = try optimizer(at: step, replayed: replayed)
    try checkpoints.put(
      step, optimizer.content(tokenizer: directory.checkpoint(0)), pointer, ledger)
    return .replayed(from: older.step)
  }

  private func existing(
    _ pointer: CheckpointStore.Pointer?, _ step: UInt64
  ) throws -> CheckpointStore.Pointer {
    guard let pointer else {
      throw StageError(
        .badRun, at: directory.checkpoint(step),
        "the run names no checkpoint of step \(step), so that a copy cannot be told from others",
        remedy: "Leave --from out: the weights are worked out from the logs.")
    }
    return pointer
  }

  /// Puts the initial checkpoint in place again, without which no run opens.
  ///
  /// - Parameter copy: as in ``restoreCheckpoint(_:from:replayed:)``; nil: the definition's initial
  ///   weights, if they are those that the run began with.
  public static func restoreInitialCheckpoint(
    of directory: RunDirectory, from copy: String? = nil
  ) throws -> CheckpointRestoration {
    let definition = try FrozenDefinition.read(of: directory)
    let settings = try RunSettings(definition)
    let ledger = Ledger(queue: try Queue.open(at: directory.queue))
    try ledger.claim(.optimizer)
    let store = CheckpointStore(directory: directory, kept: settings.checkpoint.kept)
    let pointer = try store.initialPointer(ledger)
    if store.flaws(of: pointer).isEmpty { return .wasWhole }
    if let copy {
      try store.adopt(copy, as: pointer)
      return .copied
    }
    let compute = settings.compute.makeCompute()
    let (policy, tokenizer) = try settings.initialPolicy(compute, initialModel: nil)
    let critic = settings.algorithm.algorithm.value.map { _ in Critic.initial(from: policy) }
    try store.put(
      0,
      CheckpointStore.Content(
        policy: policy, moments: AdamWState(for: policy),
        critic: critic.map { ($0, AdamWState(for: $0)) }, tokenizer: tokenizer), pointer, ledger)
    return .initial
  }
}

extension CheckpointStore {
  /// Puts a checkpoint in the place of one that was damaged, or adds it.
  ///
  /// - Parameter pointer: of the damaged one, whose manifest the new files must have.
  fileprivate func put(
    _ step: UInt64, _ content: Content, _ pointer: Pointer?, _ ledger: Ledger
  ) throws {
    let (temporary, manifest) = try build(step, content)
    let digest = SHA256.hash(manifest)
    if let pointer, pointer.manifest != digest {
      try removeFolder(temporary)
      throw StageError(
        .mismatch, at: directory.checkpoint(step),
        "what was worked out is not what the checkpoint held",
        remedy: "Give it a copy of the folder with --from.")
    }
    try replace(step, by: temporary)
    guard pointer == nil else { return }
    try setPointers(
      Self.pointers(ledger) + [Pointer(step: step, manifest: digest)], ledger)
  }

  /// Copies the files that the manifest of `pointer` names from `source`, if they are those.
  func adopt(_ source: String, as pointer: Pointer) throws {
    if let flaw = CheckpointFiles.flaws(of: source, manifest: pointer.manifest).first {
      throw StageError(
        .mismatch, at: flaw.path, "\(flaw.problem): not a copy of checkpoint \(pointer.step)",
        remedy: "Name a folder with the files that were in the checkpoint.")
    }
    let temporary = try emptyFolder(for: pointer.step)
    let critic = RunDirectory.critic(in: temporary)
    let entries = try CheckpointFiles.entries(of: source, manifest: pointer.manifest).get()
    if entries.contains(where: { $0.name.hasPrefix("critic/") }) {
      try DurableFile.createFolder(critic)
    }
    for name in entries.map(\.name) + [CheckpointFiles.manifest] {
      try DurableFile.writeAndSync(
        try DurableFile.read("\(source)/\(name)"), to: "\(temporary)/\(name)")
    }
    if FileManager.default.fileExists(atPath: critic) { try DurableFile.syncFolder(critic) }
    try DurableFile.syncFolder(temporary)
    try replace(pointer.step, by: temporary)
  }
}

extension Run {
  /// Removes all but the newest `count` checkpoints; step 0 stays beside them.
  /// - Returns: the steps that went.
  public func pruneCheckpoints(keeping count: Int) throws -> [UInt64] {
    try ledger.claim(.optimizer)
    defer { ledger.releaseClaims() }
    return try checkpoints.prune(keeping: count, ledger)
  }
}

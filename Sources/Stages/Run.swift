public import Definition
import Digest
import Foundation
public import Operators
public import Policy
public import Queue
import Randomness
import Records
import Tokenizer
import Verifiers

/// A run on disk, open for work: its definition, its queue, and what its stages are made of.
public final class Run {
  public let directory: RunDirectory
  public let settings: RunSettings
  public let ledger: Ledger
  public let compute: Compute
  public let renderer: PromptRenderer
  public let verifiers: VerifierTable
  /// What opening found worth saying: accepted changes, notices of the queue.
  public let notices: [String]
  let identity: RunIdentity
  let stream: PromptStream
  let checkpoints: CheckpointStore
  /// What the run's adapter stands on; nil where all weights are trained.
  let base: BaseModel?

  public var queue: Queue { ledger.queue }
  public var attempts: AttemptLog { AttemptLog(path: directory.attempts) }

  /// Opens the run in `directory`.
  ///
  /// - Parameters:
  ///   - definition: another definition to go on with; its identity keys must be the run's.
  ///   - overrides: `--set` flags; operational keys only.
  ///   - opened: its queue, where it is open already.
  /// - Throws: what is missing, damaged, changed or locked, and what to do.
  public init(
    opening directory: RunDirectory, definition given: Definition? = nil,
    overrides: [(key: String, value: String)] = [], over opened: Queue? = nil
  ) throws {
    guard directory.exists else {
      throw StageError(
        .badRun, at: directory.path,
        AbandonedFiles.isCreationCut(of: directory)
          ? "there is no run here: the process that was making it is gone"
          : "there is no run here (no pipeline.yaml)",
        remedy: "Start one with `pipeline run DEFINITION --run \(directory.path)`.")
    }
    self.directory = directory
    let frozen = try FrozenDefinition.read(of: directory)
    var definition = try FrozenDefinition.read(of: directory, overrides: overrides)
    if let given { definition = given }
    let changes = try definition.changes(resuming: frozen)
    settings = try RunSettings(definition)
    compute = settings.compute.makeCompute()
    base = BaseModel(of: settings, compute)
    stream = try PromptStream(settings.reader, seed: settings.seed)
    let queue = try opened ?? Self.openQueue(directory)
    ledger = Ledger(queue: queue)
    identity = try RunIdentity(encoded: queue.identity, at: directory.queue)
    try identity.check(
      stream, productKernel: compute.productKernel,
      allowsOtherKernel: settings.compute.allowsOtherKernel, at: directory.path)
    try identity.check(changes, settings, compute, at: directory.path)
    checkpoints = CheckpointStore(directory: directory, kept: settings.checkpoint.kept)
    try checkpoints.requireInitialFiles(ledger)
    renderer = try PromptRenderer(directory: directory.checkpoint(0), settings.reader, stream)
    verifiers = try settings.makeVerifiers(in: directory.path)
    var notices = changes.map { "\($0.path): \($0.old) → \($0.new)" }
    if let notice = queue.notice { notices.append(notice) }
    if compute.productKernel != identity.productKernel {
      notices.append(
        "product kernel \(compute.productKernel); the run began with \(identity.productKernel): bits differ"
      )
    }
    self.notices = notices
    if !changes.isEmpty { try Self.freeze(definition, changes, identity, in: directory) }
  }

  /// A run has its name only once its queue is whole: what looks like an interrupted creation is
  /// damage.
  private static func openQueue(_ directory: RunDirectory) throws -> Queue {
    do {
      return try Queue.open(at: directory.queue)
    } catch let error as QueueError where error.code == .unfinished {
      throw StageError(
        .damaged, at: directory.queue + "/data.mdb", "the run was whole and its queue is empty",
        remedy: "Restore the run from a backup; the checkpoints may still be good.")
    }
  }

  /// Writes `pipeline.yaml` with every key and value, and notes what changed.
  static func freeze(
    _ definition: Definition, _ changes: [Change], _ identity: RunIdentity,
    in directory: RunDirectory
  ) throws {
    var comments = ""
    for (index, fingerprint) in identity.data.enumerated() {
      comments += "# dataset \(index): \(fingerprint)\n"
    }
    comments += "# model: \(identity.model)\n# tokenizer: \(identity.tokenizer)\n"
    if let base = identity.base { comments += "# base: \(base)\n" }
    comments += "# BLAS kernel: \(identity.productKernel)\n"
    let text = FrozenDefinition.text(of: definition, comments: comments)
    try DurableFile.write(Array(text.utf8), to: directory.definition)
    guard !changes.isEmpty else { return }
    let path = directory.logs + "/changes.log"
    let known = FileManager.default.fileExists(atPath: path) ? try DurableFile.read(path) : []
    let lines = changes.map { "\($0.path): \($0.old) -> \($0.new)\n" }.joined()
    try DurableFile.write(known + Array(lines.utf8), to: path)
  }

  public var isFinished: Bool {
    get throws { try ledger.cursor(.optimizer) >= UInt64(settings.steps) }
  }

  /// Groups that a stage has consumed (the reader: emitted; the optimizer: steps).
  public func consumed(_ stage: StageName) throws -> UInt64 {
    stage == .reader ? try ledger.head(.prompts) : try ledger.cursor(stage)
  }

  /// The policy of a checkpoint of this run.
  /// - Throws: `.damaged` when its weights are not those that the run logged.
  public func checkpointPolicy(_ step: UInt64) throws -> Policy {
    let folder = directory.checkpoint(step)
    let pointer = try CheckpointStore.pointers(ledger).first { $0.step == step }
    if let flaw = pointer.flatMap({ checkpoints.flaws(of: $0).first }) {
      throw StageError(
        .damaged, at: flaw.path, flaw.problem,
        remedy: "Run `pipeline checkpoint restore \(directory.path) \(step)`.")
    }
    let policy = try PolicyFiles.read(folder, on: base, compute)
    guard try policy.weightsDigest() == loggedDigests(step).policy else {
      throw StageError(
        .damaged, at: folder, "its weights are not those that the run logged for step \(step)",
        remedy: "Run `pipeline checkpoint restore \(directory.path) \(step)`.")
    }
    return policy
  }

  /// The digests that the run logged for a policy version.
  func loggedDigests(_ version: UInt64) throws -> PublishedPolicies.Digests {
    try identity.digests(version: version, ledger)
  }

  /// As hexadecimal digits.
  public func digestText(version: UInt64) throws -> String {
    hexadecimal(try loggedDigests(version).policy)
  }

  /// The KL anchor's weights: the definition's, or the run's initial ones, which are those of the base
  /// without the adapter that is trained.
  func anchorPolicy() throws -> Policy {
    let path: String
    let policy: Policy
    if settings.model.anchor == nil, let base {
      (path, policy) = (settings.model.path ?? "", try base.policy())
    } else {
      path = settings.model.anchor ?? directory.checkpoint(0)
      policy = try Policy(StoredModel(opening: path), compute: compute)
    }
    let wanted = identity.anchor ?? identity.base ?? identity.model
    guard hexadecimal(policy.weightsDigest()) == wanted else {
      throw StageError(
        .mismatch, at: path, "its weights are not those of the KL anchor that the run began with",
        remedy: "Put the anchor's model directory back, or start a new run.")
    }
    return policy
  }

  var rolloutStream: RandomStream { RandomStream(seed: settings.seed, purpose: .rollout) }
}

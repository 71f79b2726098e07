import Digest
import Foundation
import Operators
import Policy
import Queue
import Records

extension CheckpointStore {
  /// A checkpoint as loaded, every file compared with its manifest before anything is used.
  struct Loaded {
    var state: CheckpointFiles.State
    var policy: Policy
    var moments: AdamWState
    var critic: (model: Critic, moments: AdamWState)?
  }

  /// The checkpoints that training can go on from: those at or after the run's base and the point where
  /// it was forked, ascending.
  static func usable(_ ledger: Ledger) throws -> [Pointer] {
    let floor = try ledger.floor.step
    return try pointers(ledger).filter { $0.step >= floor }
  }

  /// Loads the newest checkpoint.
  ///
  /// - Throws: `.damaged` when a file of it is; never falls back to an older one, since that is a
  ///   person's to decide: the remedy names the command.
  func loadNewest(_ ledger: Ledger, on base: BaseModel?, compute: Compute) throws -> Loaded {
    guard let pointer = try Self.usable(ledger).last else {
      throw StageError(
        .badRun, at: directory.path, "the run has no checkpoint to go on from",
        remedy: "Start it again in a new directory with `pipeline run`.")
    }
    if let flaw = flaws(of: pointer).first {
      throw StageError(
        .damaged, at: flaw.path, flaw.problem, remedy: try restoring(pointer.step, ledger))
    }
    return try load(pointer, base, compute)
  }

  /// Loads the newest whole checkpoint at or before `step`, for looking back.
  ///
  /// - Throws: as ``newestWhole(atMost:_:)``.
  func load(
    atMost step: UInt64, _ ledger: Ledger, on base: BaseModel?, compute: Compute
  ) throws -> Loaded {
    try load(newestWhole(atMost: step, ledger), base, compute)
  }

  /// The newest checkpoint at or before `step` whose files are whole.
  ///
  /// - Throws: `.damaged` when there is none, with what is wrong with the newest.
  func newestWhole(atMost step: UInt64, _ ledger: Ledger) throws -> Pointer {
    let usable = try Self.usable(ledger)
    var found: (step: UInt64, flaw: CheckpointFiles.Flaw)?
    for pointer in usable.filter({ $0.step <= step }).reversed() {
      let flaws = flaws(of: pointer)
      if flaws.isEmpty { return pointer }
      found = found ?? flaws.first.map { (pointer.step, $0) }
    }
    if let found {
      // The initial one needs no older one.
      let first = usable.first?.step == 0 ? 0 : found.step
      throw StageError(
        .damaged, at: found.flaw.path,
        "\(found.flaw.problem), and no other checkpoint is whole up to step \(step)",
        remedy: try restoring(first, ledger))
    }
    throw StageError(
      .badRun, at: "step \(step)",
      "no checkpoint leads to it; the oldest to replay from is "
        + (usable.first.map { "of step \($0.step)" } ?? "none"),
      remedy: "Name a step from there on; `pipeline checkpoint list` shows the checkpoints.")
  }

  /// Compares what every opening reads of the initial checkpoint (configuration, tokenizer) with what
  /// the run began with.
  func requireInitialFiles(_ ledger: Ledger) throws {
    let pointer = try initialPointer(ledger)
    let flaws = CheckpointFiles.flaws(
      of: directory.checkpoint(0), manifest: pointer.manifest
    ) { !$0.hasSuffix(".safetensors") }
    guard let flaw = flaws.first else { return }
    throw StageError(.damaged, at: flaw.path, flaw.problem, remedy: try restoring(0, ledger))
  }

  func initialPointer(_ ledger: Ledger) throws -> Pointer {
    if let pointer = try Self.pointers(ledger).first(where: { $0.step == 0 }) { return pointer }
    throw StageError(
      .damaged, at: directory.queue, "the queue names no initial checkpoint",
      remedy: "Run `pipeline queue repair \(directory.path)`, which names those that are whole.")
  }

  func flaws(of pointer: Pointer) -> [CheckpointFiles.Flaw] {
    CheckpointFiles.flaws(of: directory.checkpoint(pointer.step), manifest: pointer.manifest)
  }

  /// How a damaged checkpoint comes back: by replaying from an older whole one, or from a copy.
  private func restoring(_ step: UInt64, _ ledger: Ledger) throws -> String {
    let command = "pipeline checkpoint restore \(directory.path) \(step)"
    let older = try Self.usable(ledger).last { $0.step < step && flaws(of: $0).isEmpty }
    if let older {
      return "Run `\(command)`, which works it out again from step \(older.step)."
    }
    return step == 0
      ? "Run `\(command)`, which makes it again from the definition, or give it a copy with --from."
      : "No older checkpoint is whole: run `\(command) --from DIR` with a copy of the folder."
  }

  private func load(_ pointer: Pointer, _ base: BaseModel?, _ compute: Compute) throws -> Loaded {
    let folder = directory.checkpoint(pointer.step)
    do {
      let state = try CheckpointFiles.readState(of: folder)
      let policy = try PolicyFiles.read(folder, on: base, compute)
      var loaded = Loaded(
        state: state, policy: policy,
        moments: AdamWState(for: policy, updates: state.adamUpdates))
      try CheckpointFiles.read(loaded.moments, of: policy.trainedTensors, in: folder)
      if let updates = state.criticUpdates {
        let place = RunDirectory.critic(in: folder)
        let critic = try Critic(StoredModel(opening: place), compute: compute)
        let moments = AdamWState(for: critic, updates: updates)
        try CheckpointFiles.read(moments, of: critic.configuration.parameters, in: place)
        loaded.critic = (critic, moments)
      }
      return loaded
    } catch let error as CheckpointFiles.FlawError {
      throw unusable(pointer.step, at: error.flaw.path, error.flaw.problem)
    }
  }

  /// For a checkpoint that is what its manifest says and still not what training goes on from. To make it
  /// again would be refused, since other files come out.
  func unusable(_ step: UInt64, at path: String, _ problem: String) -> StageError {
    StageError(
      .damaged, at: path, "\(problem), although its manifest vouches for it",
      remedy: step > 0
        ? "Go back before it with `pipeline rewind \(directory.path) --to \(step - 1)`."
        : "Begin again in a new directory with `pipeline run`.")
  }
}

import Digest
import Foundation
import Queue
import Records

/// The small tables: heads, cursors, identity, checkpoint pointers.
extension RunRepair {
  /// What follows from keys alone, before a run can be opened at all.
  mutating func mendTables() throws {
    guard try hasOrigin() else { return }
    let isForeign = directory.exists && !RunIdentity.isReadable(queue.identity)
    let identity =
      queue.identity.isEmpty || isForeign ? try RunIdentity.frozen(in: directory) : nil
    let pointers = try checkpointPointers()
    var restored: [RepairReport.Item] = []
    let (heads, faults, strays) = (heads, tableFaults, Set(survey.strays.map(\.log)))
    let isSalvaged = report.salvagedFrom != nil
    let workers = try self.workers
    try queue.write(claims: []) { transaction in
      restored = []
      for fault in faults {
        try transaction.remove(fault)
        restored.append(.init(location: fault.location, problem: fault.problem))
      }
      if isSalvaged || faults.contains(where: { $0.table == "epochs" }) {
        try transaction.restoreEpochs(workers)
      }
      if let identity {
        try transaction.restoreIdentity(identity)
        restored.append(.init(location: "meta/identity", problem: "made from pipeline.yaml"))
      }
      for (log, head) in heads where try transaction.readableHead(log) ?? 0 != head {
        try transaction.restoreHead(log, to: head)
        restored.append(.init(location: "heads/\(log)", problem: "set to \(head)"))
      }
      for stage in StageName.allCases {
        guard let log = stage.annotated ?? (stage == .optimizer ? .updates : nil),
          let head = heads[log], try transaction.readableCursor(stage.rawValue) ?? 0 != head
        else { continue }
        try transaction.restoreCursor(stage.rawValue, to: head)
        restored.append(.init(location: "cursors/\(stage.rawValue)", problem: "set to \(head)"))
      }
      if let pointers {
        try transaction.setState(CheckpointStore.key, to: CheckpointStore.stored(pointers))
        restored.append(
          .init(
            location: "state/\(CheckpointStore.key)",
            problem: "made from the \(pointers.count) whole checkpoints"))
      }
      for log in strays {
        try transaction.removeStrays(log)
        restored.append(.init(location: "\(log)", problem: "keys of no record removed"))
      }
    }
    report.restored += restored
  }

  /// Stages and workers that have ever been at work, as the queue names their epochs.
  private var workers: [String] {
    get throws {
      let locks = "\(directory.path)/locks"
      let names =
        FileManager.default.fileExists(atPath: locks)
        ? try FileManager.default.contentsOfDirectory(atPath: locks) : []
      let known = names.filter { $0.hasSuffix(".lock") }.map { String($0.dropLast(5)) }
      return Set(known + StageName.allCases.map { "\($0.rawValue)-1" }).sorted()
    }
  }

  /// Whether what only the past knew can be read: where a trimmed run begins, and what a fork came from.
  /// Without it nothing is touched.
  private mutating func hasOrigin() throws -> Bool {
    for key in [RunBase.key, ForkOrigin.key, RunOrigin.key] {
      for fault in tableFaults where fault.location == "state/\(key)" {
        report.remaining.append(
          .init(
            location: fault.location,
            problem: "\(fault.problem); no log tells it: restore the queue from a backup"))
      }
    }
    let stored = try queue.read { try $0.readableState(RunBase.key) }
    if stored == nil, let first = survey.starts[.prompts], first > 0,
      let step = survey.starts[.batches], step > 0
    {
      report.remaining.append(
        .init(
          location: "state/\(RunBase.key)",
          problem:
            "the logs begin with group \(first), and nothing says what was before: restore the "
            + "queue from a backup"))
    }
    return report.isWhole
  }

  /// The pointers of the whole checkpoints on disk; nil where those that are stored can be read.
  private func checkpointPointers() throws -> [CheckpointStore.Pointer]? {
    let stored = try queue.read { try $0.readableState(CheckpointStore.key) }
    guard stored == nil, directory.exists else { return nil }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.checkpoints)
    return names.compactMap { UInt64($0) }.sorted().compactMap { step in
      let folder = directory.checkpoint(step)
      let manifest: [UInt8]
      do { manifest = try CheckpointFiles.contents(of: CheckpointFiles.manifest, in: folder) } catch
      {
        return nil
      }
      let pointer = CheckpointStore.Pointer(step: step, manifest: SHA256.hash(manifest))
      let examined = CheckpointExamination(of: folder, pointer, hashes: true)
      guard examined.problem == nil else { return nil }
      if step > 0, let update = survey.updates[step - 1],
        hexadecimal(update.weightsDigest) != examined.weightsDigest
      {
        return nil
      }
      return pointer
    }
  }
}

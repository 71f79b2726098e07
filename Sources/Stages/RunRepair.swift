import Definition
import Digest
import Foundation
import Queue
import Records

/// Mends what is damaged in the queue of a run at rest: sets damaged records aside and makes them again
/// from what is upstream, and writes small values anew that follow from the logs.
///
/// A queue whose pages are broken is first read leaf by leaf into a new one; the old one is kept. What
/// cannot be made again is named with the reason. After a repair without such a rest the run goes on to
/// the bits of an undisturbed one, since nothing is written that differs from what the stages wrote.
public struct RunRepair {
  private let directory: RunDirectory
  private let queue: Queue
  private var report = RepairReport()
  private var base = RunBase()
  /// Below them every record must be.
  private var heads: [Log: UInt64] = [:]
  private var tableFaults: [TableFault] = []
  private let survey: RecordSurvey

  /// Repairs the run in `directory`; the caller holds `RunLocks`.
  ///
  /// - Parameter isDry: look and say what is damaged; write nothing.
  /// - Throws: what keeps the repair from working at all (a missing dataset, a full disk).
  public static func repair(_ directory: RunDirectory, isDry: Bool) throws -> RepairReport {
    var report = RepairReport()
    if let broken = try brokenStructure(directory) {
      guard !isDry else {
        report.restored.append(
          .init(location: broken.location, problem: "\(broken.problem): to be read page by page"))
        return report
      }
      let salvage = try Queue.salvage(at: directory.queue)
      report.salvagedFrom = salvage.kept
      report.salvaged = salvage.records + salvage.values
    }
    // The queue is opened anew for the records, since opening reads some of what is mended here.
    report = try within(directory, report, isDry: isDry) { (repair) in
      if isDry { repair.describe() } else { try repair.mendTables() }
    }
    guard !isDry, report.isWhole else { return report }
    return try within(directory, report, isDry: false) { (repair) in try repair.mendRecords() }
  }

  /// What LMDB must not follow; nil where the pages are sound.
  private static func brokenStructure(_ directory: RunDirectory) throws -> QueueError? {
    do {
      _ = try Queue.openDamaged(at: directory.queue, access: .readOnly)
      return nil
    } catch let error as QueueError where error.exitStatus == .corrupt { return error }
  }

  private static func within(
    _ directory: RunDirectory, _ report: RepairReport, isDry: Bool,
    _ body: (inout RunRepair) throws -> Void
  ) throws -> RepairReport {
    var repair = try RunRepair(
      directory,
      try Queue.openDamaged(at: directory.queue, access: isDry ? .readOnly : .readWrite))
    repair.report = report
    try body(&repair)
    return repair.report
  }

  private init(_ directory: RunDirectory, _ queue: Queue) throws {
    self.directory = directory
    self.queue = queue
    (base, tableFaults) = try queue.read { transaction in
      (
        try RunBase(stored: transaction.readableState(RunBase.key)),
        try transaction.examineTables().faults
      )
    }
    let readable = try queue.read { transaction in
      try Log.allCases.filter { !$0.usesPart }.map { log in
        let stage = StageName.allCases.first { $0.annotated == log }
        let writer = stage ?? (log == .updates ? .optimizer : nil)
        let cursor = try writer.flatMap { try transaction.readableCursor($0.rawValue) }
        return (log, [try transaction.readableHead(log), cursor].compactMap { $0 }.max())
      }
    }
    var known: [Log: UInt64] = [:]
    for (log, head) in readable { if let head { known[log] = head } }
    let first = try RecordSurvey(queue, base: base, heads: known)
    heads = known
    try Self.complete(&heads, first, base, directory)
    survey = heads == known ? first : try RecordSurvey(queue, base: base, heads: heads)
  }

  /// Heads that cannot be read follow from the last keys, and from what is downstream: a stage has
  /// written no further than the one before it. The reader writes whole waves.
  private static func complete(
    _ heads: inout [Log: UInt64], _ survey: RecordSurvey, _ base: RunBase,
    _ directory: RunDirectory
  ) throws {
    let chains: [[Log]] = [[.decisions, .verdicts, .rollouts, .prompts], [.updates, .batches]]
    for chain in chains {
      var end = chain[0].isGrouped ? base.group : base.step
      if chain[0].isGrouped {
        end = survey.batches.values.map(\.endGroup).reduce(end, max)
      }
      for log in chain {
        end = max(end, heads[log] ?? survey.ends[log] ?? 0)
        guard heads[log] == nil else { continue }
        heads[log] = end
        guard log == .prompts, directory.exists else { continue }
        let settings = try RunSettings(FrozenDefinition.read(of: directory))
        let size = UInt64(settings.reader.promptsPerStep)
        heads[log] = base.group + (end - base.group + size - 1) / size * size
      }
    }
  }

  private mutating func describe() {
    for fault in tableFaults {
      report.restored.append(.init(location: fault.location, problem: fault.problem))
    }
    for fault in survey.faults {
      report.rederived.append(.init(location: "\(fault.log)/\(fault.key)", problem: fault.problem))
    }
  }

  private mutating func mendRecords() throws {
    guard directory.exists else {
      // An evaluation has no definition of its own; it is made again by the run.
      for fault in survey.faults {
        report.remaining.append(
          .init(
            location: "\(fault.log)/\(fault.key)",
            problem: "\(fault.problem); remove the evaluation and run it again"))
      }
      return
    }
    let run = try Run(opening: directory, over: queue)
    let rederivation = try Rederivation(
      run, survey, base: base, heads: heads, comparesAll: false)
    try rederivation.work()
    report.remaining += rederivation.failures
    try write(rederivation)
    try mendHeadRecord()
  }

  /// The head record says what the logs hold now. What a queue that stepped back had held beyond is made
  /// again by the run.
  private mutating func mendHeadRecord() throws {
    func restored(_ problem: String) {
      report.restored.append(.init(location: "\(queue.folder)/head", problem: problem))
    }
    do {
      for (log, remembered) in try queue.rememberedHeads() ?? [:] where !log.usesPart {
        let head = heads[log] ?? 0
        if head < remembered { restored("\(log) reached \(remembered) once, and holds \(head)") }
      }
    } catch let error as QueueError where error.exitStatus == .corrupt { restored(error.problem) }
    try queue.writeHeadRecord()
  }

  /// nil when the last loss batch is among what could not be made again.
  private mutating func frontier(
    _ rederivation: Rederivation
  ) throws -> (group: GroupID, waves: UInt32)? {
    do { return try rederivation.frontier() } catch let error as any DescribedError {
      for stage in [StageName.loss]
      where try queue.read({ try $0.readableState(StageState.key(stage)) }) == nil {
        report.remaining.append(
          .init(location: "state/\(StageState.key(stage))", problem: error.problem))
      }
      return nil
    }
  }

  // MARK: Small tables

  /// What follows from keys alone, before a run can be opened at all.
  private mutating func mendTables() throws {
    guard try hasOrigin() else { return }
    let identity = queue.identity.isEmpty ? try RunIdentity.frozen(in: directory) : nil
    let pointers = try checkpointPointers()
    var restored: [RepairReport.Item] = []
    let (heads, faults, strays) = (heads, tableFaults, Set(survey.strays.map(\.log)))
    let isSalvaged = report.salvagedFrom != nil
    try queue.write(claims: []) { transaction in
      restored = []
      for fault in faults {
        try transaction.remove(fault)
        restored.append(.init(location: fault.location, problem: fault.problem))
      }
      if isSalvaged || faults.contains(where: { $0.table == "epochs" }) {
        try transaction.restoreEpochs(StageName.allCases.map { "\($0.rawValue)-1" })
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
    if stored == nil, let first = survey.prompts.keys.min(), first > 0,
      let step = survey.batches.keys.min(), step > 0
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
      guard
        let manifest = FileManager.default.contents(
          atPath: "\(folder)/\(CheckpointFiles.manifest)")
      else { return nil }
      let pointer = CheckpointStore.Pointer(step: step, manifest: SHA256.hash([UInt8](manifest)))
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

  // MARK: Records, and states that follow from them

  private mutating func write(_ rederivation: Rederivation) throws {
    let problems = Dictionary(
      survey.faults.map { ("\($0.log)/\($0.key)", $0) }, uniquingKeysWith: { first, _ in first })
    let values = try missingValues(rederivation)
    let made = rederivation.made
    try queue.write(claims: []) { transaction in
      for (log, key, record) in made {
        let fault = problems["\(log)/\(key)"]
        if let fault, fault.isStored {
          try transaction.setAside(log, key, reason: fault.problem)
        }
        try transaction.put(record.payload(), version: type(of: record).version, log, key)
      }
      for (name, cursor) in values.cursors { try transaction.restoreCursor(name, to: cursor) }
      for (name, state) in values.states { try transaction.setState(name, to: state) }
    }
    for (log, key, _) in made {
      report.rederived.append(
        .init(
          location: "\(log)/\(key)", problem: problems["\(log)/\(key)"]?.problem ?? "is missing"))
    }
    for name in values.cursors.map({ "cursors/\($0.name)" })
      + values.states.map({ "state/\($0.name)" })
    {
      report.restored.append(.init(location: name, problem: "worked out from the logs"))
    }
  }

  /// Cursors and states of reader, gate and assembler that are not there and follow from the logs.
  private mutating func missingValues(
    _ rederivation: Rederivation
  ) throws -> (cursors: [(name: String, value: UInt64)], states: [(name: String, value: [UInt8])]) {
    func isMissing(_ stage: StageName, state: Bool) throws -> Bool {
      try queue.read { transaction in
        state
          ? try transaction.readableState(StageState.key(stage)) == nil
          : try transaction.readableCursor(stage.rawValue) == nil
      }
    }
    var cursors: [(name: String, value: UInt64)] = []
    var states: [(name: String, value: [UInt8])] = []
    if let place = rederivation.lastPlace {
      if try isMissing(.reader, state: false) {
        cursors.append((StageName.reader.rawValue, place.step))
      }
      if try isMissing(.reader, state: true) {
        states.append(
          (
            StageState.key(.reader),
            ReaderState(
              step: place.step, wave: place.wave + 1, position: heads[.prompts] ?? 0
            ).stored()
          ))
      }
    }
    guard let (group, waves) = try frontier(rederivation) else { return (cursors, states) }
    if group > 0, try isMissing(.loss, state: false) {
      cursors.append((StageName.loss.rawValue, group))
    }
    guard let memory = rederivation.memory else {
      for stage in [StageName.gate, .loss] where try isMissing(stage, state: true) {
        report.remaining.append(
          .init(
            location: "state/\(StageState.key(stage))",
            problem: "its memory cannot be followed through the logs"))
      }
      return (cursors, states)
    }
    if !memory.gate.isEmpty, try isMissing(.gate, state: true) {
      states.append((StageState.key(.gate), PartMemory.bytes(memory.gate)))
    }
    let hasAssembled = (heads[.batches] ?? 0) > 0 || waves > 1
    if hasAssembled, try isMissing(.loss, state: true) {
      states.append(
        (
          StageState.key(.loss),
          AssemblerState(waves: waves, memory: memory.assembler).stored()
        ))
    }
    return (cursors, states)
  }
}

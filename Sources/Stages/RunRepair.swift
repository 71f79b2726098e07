import Definition
import Queue
import Records

/// Mends what is damaged in the queue of a run at rest: sets damaged records aside and makes them again
/// from what is upstream, and writes small values anew that follow from the logs.
///
/// A queue whose pages are broken is first read leaf by leaf into a new one; the old one is kept. What
/// cannot be made again is named with the reason. After a repair without such a rest the run goes on to
/// the bits of an undisturbed one, since nothing is written that differs from what the stages wrote.
public struct RunRepair {
  let directory: RunDirectory
  let queue: Queue
  var report = RepairReport()
  var base = RunBase()
  /// Below them every record must be.
  var heads: [Log: UInt64] = [:]
  var tableFaults: [TableFault] = []
  let survey: RecordSurvey

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
      guard isDry else { return try repair.mendTables() }
      repair.describe()
      if directory.exists { try repair.mendEvaluations(isDry: true) }
    }
    guard report.isWhole else { return report }
    if !isDry {
      report = try within(directory, report, isDry: false) { (repair) in
        try repair.mendRecords()
        if directory.exists { try repair.mendEvaluations(isDry: false) }
      }
    }
    // What is damaged would be counted twice.
    guard isDry ? report.isIdle : report.isWhole else { return report }
    for problem in try RunVerification.disagreements(of: directory) {
      report.remaining.append(
        .init(
          location: problem.location,
          problem: "\(problem.problem); no checksum tells who is wrong: go back before it with "
            + "`pipeline rewind`, or restore a backup"))
    }
    return report
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
    let forked = try queue.read { try $0.readableState(RunOrigin.key) }
    let start = try forked.map { try RunOrigin(stored: $0).boundary.group } ?? 0
    try Self.complete(&heads, first, base, max(start, base.group), directory)
    survey = heads == known ? first : try RecordSurvey(queue, base: base, heads: heads)
  }

  /// Heads that cannot be read follow from the last keys, and from what is downstream: a stage has
  /// written no further than the one before it. The reader writes whole waves.
  ///
  /// - Parameter start: where waves have the definition's size from on.
  private static func complete(
    _ heads: inout [Log: UInt64], _ survey: RecordSurvey, _ base: RunBase, _ start: GroupID,
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
        heads[log] = start + (max(end, start) - start + size - 1) / size * size
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
}

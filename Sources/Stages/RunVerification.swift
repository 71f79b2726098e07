import Foundation
import Queue
import Records

/// Looks at everything a run has stored and says what is not as it must be. Writes nothing, and holds
/// no transaction open for long, so that it may look at a run that is at work.
///
/// What is compared: structure of the file; seals of the small tables; checksum and decoding of every
/// record; heads against keys; joins between the logs; that each prompt position was consumed once and
/// each group has one fate; cursors against heads; checkpoint pointers against folders.
public struct RunVerification {
  let directory: RunDirectory
  let queue: Queue
  var report: VerificationReport
  var base = RunBase()
  /// Heads and cursors as one transaction saw them, before the records were read; nil where they
  /// cannot be read.
  var heads: [Log: UInt64] = [:]
  private var cursors: [StageName: UInt64] = [:]
  /// States by name.
  private var states: [StageName: [UInt8]] = [:]

  private init(_ directory: RunDirectory, _ queue: Queue) {
    self.directory = directory
    self.queue = queue
    report = VerificationReport(run: directory.path)
  }

  /// Verifies the run in `directory`, or an evaluation inside one.
  ///
  /// - Parameter isDeep: also work out again what needs no weights (prompts from the dataset, verdicts,
  ///   decisions, demands, loss batches) and compare; only where nothing else is wrong.
  /// - Returns: a report; damage that keeps the queue from being opened is a problem of it.
  /// - Throws: when there is no run, or it cannot be read for other reasons than damage.
  public static func verify(
    _ directory: RunDirectory, isDeep: Bool = false
  ) throws -> VerificationReport {
    let queue: Queue
    do {
      queue = try Queue.openDamaged(at: directory.queue, access: .readOnly)
    } catch let error as QueueError where error.exitStatus == .corrupt {
      var report = VerificationReport(run: directory.path)
      report.begin("structure")
      report.find(error.location, error.problem, remedy: error.remedy)
      return report
    }
    // Trimming moves the logs' beginning while they are read: then the pass is worth nothing.
    var verification = RunVerification(directory, queue)
    for _ in 0..<5 {
      verification = RunVerification(directory, queue)
      try verification.run(isDeep: isDeep)
      if try queue.read({ try $0.readableState(RunBase.key) }) == verification.storedBase { break }
    }
    if directory.exists { try verifyEvaluations(of: directory, into: &verification.report) }
    return verification.report
  }

  /// What sound records say that cannot all be true.
  static func disagreements(
    of directory: RunDirectory
  ) throws -> [VerificationReport.Problem] {
    var verification = RunVerification(
      directory, try Queue.openDamaged(at: directory.queue, access: .readOnly))
    try verification.checkTables()
    let survey = try RecordSurvey(
      verification.queue, base: verification.base, heads: verification.heads)
    verification.report = VerificationReport(run: directory.path)
    verification.checkJoins(survey)
    verification.checkPositions(survey)
    verification.checkFates(survey)
    verification.checkCursors(survey)
    return verification.report.problems
  }

  private var storedBase: [UInt8]?

  private mutating func run(isDeep: Bool) throws {
    try checkStructure()
    try checkTables()
    let survey = try RecordSurvey(queue, base: base, heads: heads)
    checkRecords(survey)
    checkJoins(survey)
    checkPositions(survey)
    checkFates(survey)
    checkCursors(survey)
    try checkCheckpoints(survey)
    try checkQuarantine()
    if isDeep, report.isClean, directory.exists { try workOutAgain(survey) }
  }

  private mutating func workOutAgain(_ survey: RecordSurvey) throws {
    report.begin("worked out again")
    let rederivation = try Rederivation(
      try Run(opening: directory, over: queue), survey, base: base, heads: heads,
      comparesAll: true)
    try rederivation.work()
    report.count(rederivation.compared)
    for failure in rederivation.failures {
      report.find(
        failure.location, failure.problem,
        remedy: "Use the build, dataset and verifiers that the run began with, and compare again.")
    }
  }

  // MARK: File and tables

  private mutating func checkStructure() throws {
    report.begin("structure")
    do {
      let figures = try queue.structure()
      report.count(Int(figures?.walked ?? 0))
    } catch let error as QueueError where error.exitStatus == .corrupt {
      report.find(error.location, error.problem, remedy: error.remedy)
    }
  }

  private mutating func checkTables() throws {
    report.begin("tables")
    let (values, faults) = try queue.read { transaction in
      storedBase = try transaction.readableState(RunBase.key)
      for log in Log.allCases where !log.usesPart {
        heads[log] = try transaction.readableHead(log)
      }
      for stage in StageName.allCases {
        cursors[stage] = try transaction.readableCursor(stage.rawValue)
        states[stage] = try transaction.readableState(StageState.key(stage))
      }
      return try transaction.examineTables()
    }
    report.count(values)
    for fault in faults { report.find(fault.location, fault.problem) }
    base = try RunBase(stored: storedBase)
    if queue.identity.isEmpty || directory.exists && !RunIdentity.isReadable(queue.identity) {
      report.find("meta", "the run's identity cannot be read")
    }
    do {
      for (log, remembered) in try queue.rememberedHeads() ?? [:] where !log.usesPart {
        let head = heads[log] ?? 0
        report.require(
          head >= remembered, "heads/\(log)",
          "the log ends at \(head), and reached \(remembered) once: the queue stepped back")
      }
    } catch let error as QueueError where error.exitStatus == .corrupt {
      report.find(error.location, error.problem)
    }
  }

  private mutating func checkQuarantine() throws {
    report.begin("quarantine")
    // Damage of the table itself was found with the tables.
    let set = try queue.read { transaction in
      try transaction.examineTables().faults.contains { $0.table == "quarantine" }
        ? [] : try transaction.quarantine()
    }
    for record in set {
      let isReplaced = try queue.read { try $0.contains(record.log, record.key) }
      report.require(
        isReplaced, "quarantine/\(record.log)/\(record.key)", "set aside and never replaced")
    }
  }

  // MARK: Records

  private mutating func checkRecords(_ survey: RecordSurvey) {
    for log in Log.allCases {
      report.begin(log.rawValue)
      report.count(survey.read[log] ?? 0)
      for fault in survey.faults where fault.log == log {
        report.find("\(log)/\(fault.key)", fault.problem)
      }
      for stray in survey.strays where stray.log == log {
        report.find("\(log)/\(stray.what)", "belongs to no record")
      }
      guard !log.usesPart, let head = heads[log] else { continue }
      let isSound = survey.ends[log] != nil || head <= (log.isGrouped ? base.group : base.step)
      if !isSound { report.find("heads/\(log)", "the head is \(head), and the log is empty") }
    }
  }

  // MARK: Cursors

  private mutating func checkCursors(_ survey: RecordSurvey) {
    report.begin("cursors")
    for stage in StageName.allCases {
      guard let log = stage.annotated, let head = heads[log] else { continue }
      let cursor = cursors[stage] ?? 0
      report.require(
        cursor == head, "cursors/\(stage.rawValue)",
        "stands at \(cursor), and the stage has written up to \(head)")
    }
    let chain: [(Log, Log)] = [
      (.rollouts, .prompts), (.verdicts, .rollouts), (.decisions, .verdicts), (.updates, .batches),
    ]
    for (later, earlier) in chain {
      guard let end = heads[later], let limit = heads[earlier] else { continue }
      report.require(
        end <= limit, "heads/\(later)", "the log ends at \(end), and \(earlier) at \(limit)")
    }
    let updates = heads[.updates] ?? base.step
    let steps = cursors[.optimizer] ?? 0
    report.require(
      steps == updates || updates == 0 && steps == 0, "cursors/optimizer",
      "stands at \(steps), and \(updates) steps are logged")
    if let head = heads[.batches], head > base.step, let last = survey.batches[head - 1] {
      let cursor = cursors[.loss] ?? 0
      report.require(
        cursor == last.endGroup, "cursors/loss",
        "stands at \(cursor), and batch \(head - 1) ends with group \(last.endGroup)")
    }
    checkReader(survey)
    checkAssembler(survey)
  }

  /// What the assembler has asked for was written with its asking.
  private mutating func checkAssembler(_ survey: RecordSurvey) {
    guard let stored = states[.loss] else { return }
    do {
      let waves = try AssemblerState(stored: stored).waves
      let step = heads[.batches] ?? base.step
      for wave in 1..<waves {
        let key = RecordKey(step, part: wave)
        report.require(
          survey.demands[key] != nil, "demands/\(key)",
          "the assembler asked for the wave, and its demand is not there")
      }
    } catch {
      report.find("state/\(StageState.key(.loss))", error.problem)
    }
  }

  private mutating func checkReader(_ survey: RecordSurvey) {
    // An evaluation's prompts are put there without a reader.
    guard directory.exists, let head = heads[.prompts], head > base.group,
      let last = survey.prompts[head - 1]
    else { return }
    do {
      let state = try ReaderState(stored: states[.reader])
      report.require(
        state == ReaderState(step: last.step, wave: last.wave + 1, position: head),
        "state/\(StageState.key(.reader))",
        "the reader remembers step \(state.step), \(state.wave) waves and \(state.position) prompts; "
          + "the log ends with step \(last.step), wave \(last.wave), at \(head)")
    } catch {
      report.find("state/\(StageState.key(.reader))", error.problem)
    }
  }
}

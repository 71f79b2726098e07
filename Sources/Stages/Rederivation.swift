import Estimator
import Policy
import Queue
import Records
import Verifiers

/// Makes records of a run again from what is upstream of them, to the bits that were written the first
/// time, or compares what is stored with what would be made.
///
/// | record | is made again from |
/// |---|---|
/// | prompt | the dataset: its place in the order is its GroupID |
/// | rollouts | prompts and the policy version that sampled them: the newest checkpoint before it and the logged batches up to it; always a whole chunk, whose undamaged members must come out as they are stored |
/// | verdicts | rollouts and verifier |
/// | decisions, demands, batches | the gate's and the assembler's fold from the run's base |
/// | update | the batch, worked off from a checkpoint; the next logged digest must follow from it |
final class Rederivation {
  struct Place: Hashable {
    var log: Log
    var key: RecordKey
  }

  let run: Run
  let survey: RecordSurvey
  let base: RunBase
  let layout: StepLayout
  /// What comes before it was made by another run, of which this one is a fork.
  let boundary: StepBoundary
  /// Where the run was forked, if it was, and the groups that another run has sampled.
  private let origin: RunOrigin?
  let foreignGroups: GroupID
  let heads: [Log: UInt64]
  let fold: StageFold
  let reader: PromptShardReader
  let verifier: VerifierStage
  let assembler: LossAssembler
  var generator: RolloutGenerator
  var optimizer: Optimizer?
  var faults: Set<Place>
  /// Compare also what nothing asks for: everything that needs no weights.
  let comparesAll: Bool
  /// What gate and assembler remember so far; nil once a step could not be followed.
  private(set) var memory: StageMemory?
  /// Waves that the assembler has asked for in the step that it stands at; 0 where its state is lost.
  let assembledWaves: UInt32
  /// Records made in the place of damaged or missing ones.
  private(set) var made: [(log: Log, key: RecordKey, record: any StoredRecord)] = []
  private(set) var failures: [RepairReport.Item] = []
  /// Steps with rollouts that no sound member of their chunk vouches for.
  var unproven: Set<UInt64> = []
  /// Records that were worked out and compared.
  private(set) var compared = 0

  var ledger: Ledger { run.ledger }

  /// - Parameters:
  ///   - heads: below them every record must be.
  ///   - comparesAll: whether sound records are worked out as well, and compared.
  init(
    _ run: Run, _ survey: RecordSurvey, base: RunBase, heads: [Log: UInt64], comparesAll: Bool
  ) throws {
    self.run = run
    self.survey = survey
    self.base = base
    self.heads = heads
    self.comparesAll = comparesAll
    let settings = run.settings
    let gate = settings.algorithm.algorithm.gate
    fold = try StageFold(settings)
    let origin = try run.ledger.origin
    self.origin = origin
    foreignGroups = try run.ledger.foreignGroups
    boundary =
      [base.start, origin?.boundary].compactMap { $0 }.max { $0.step < $1.step }
      ?? base.start
    memory = boundary.memory
    layout = StepLayout(
      survey, from: boundary, end: heads[.prompts] ?? boundary.group,
      promptsPerStep: settings.reader.promptsPerStep)
    do {
      assembledWaves =
        try run.ledger.state(.loss).map { try AssemblerState(stored: $0).waves } ?? 0
    } catch is RecordError { assembledWaves = 0 }
    reader = PromptShardReader(
      source: run.stream, settings: settings.reader, steps: settings.steps,
      lag: settings.rollout.lag, rollouts: settings.rollout.count,
      firstRolloutStep: gate.firstRolloutStep)
    verifier = VerifierStage(
      verifiers: run.verifiers, renderer: run.renderer,
      judgesDemonstrations: gate.judgesDemonstrations)
    assembler = try LossAssembler(
      algorithm: settings.algorithm.algorithm, settings: settings.loss,
      promptsPerStep: settings.reader.promptsPerStep, steps: settings.steps, seed: settings.seed)
    generator = RolloutGenerator(
      settings: settings.rollout, renderer: run.renderer, policies: GivenPolicies(),
      stream: run.rolloutStream, scorer: run.makeScorer(), attempts: nil)
    faults = Set(survey.faults.map { Place(log: $0.log, key: $0.key) })
  }

  /// Goes through the run, step by step.
  func work() throws {
    refuseForeign()
    refuseTaken()
    for step in layout.steps {
      prompts(of: step)
      rollouts(of: step)
      verdicts(of: step)
      decisions(of: step)
      demands(of: step)
      batch(of: step)
      update(of: step.step)
      prove(step)
    }
  }

  /// Records of another run stay as they are: its definition is not known here.
  private func refuseForeign() {
    for fault in survey.faults
    where fault.key.id < (fault.log.isGrouped ? boundary.group : boundary.step) {
      fail(fault.log, fault.key, "\(fault.problem); the run that this one was forked from made it")
    }
  }

  /// A stage that ran again in a fork, under another definition, kept what was upstream of it.
  private func refuseTaken() {
    guard let origin, origin.definition != run.identity.definition,
      let stage = origin.stage.flatMap(StageName.init(rawValue:))
    else { return }
    let taken = max(origin.taken, origin.group)
    for fault in survey.faults where fault.log.isGrouped && fault.key.id >= boundary.group {
      let writer = StageName.allCases.first { $0.annotated == fault.log } ?? .reader
      guard writer < stage && fault.key.id < taken || writer == stage && fault.key.id < origin.group
      else { continue }
      faults.remove(Place(log: fault.log, key: fault.key))
      fail(
        fault.log, fault.key,
        "\(fault.problem); it was made under the definition of the run that this one was forked from"
      )
    }
  }

  /// The first group after the last loss batch, and the waves that its step has asked for.
  func frontier() throws -> (group: GroupID, waves: UInt32) {
    let step = heads[.batches] ?? base.step
    let group =
      step > boundary.step
      ? try ledger.existing(LossBatchRecord.self, .batches, step - 1).endGroup : boundary.group
    let demands =
      survey.demands.keys.filter { $0.id == step }.count
      + made.filter { $0.log == .demands && $0.key.id == step }.count
    return (group, UInt32(1 + demands))
  }

  /// Step and wave of the last prompt.
  var lastPlace: (step: UInt64, wave: UInt32)? {
    guard let head = heads[.prompts], head > boundary.group else {
      // Nothing was emitted since the fork, or since all was trimmed.
      return boundary.waves > 0 ? (boundary.step - 1, boundary.waves - 1) : nil
    }
    return layout.place(of: head - 1)
  }

  // MARK: What is made

  func groups(of step: StepLayout.Step, in log: Log) -> Range<GroupID> {
    step.groups.clamped(to: base.group..<max(base.group, heads[log] ?? base.group))
  }

  func faulted(_ log: Log, _ range: Range<UInt64>) -> [UInt64] {
    guard !faults.isEmpty else { return [] }
    return range.filter { faults.contains(Place(log: log, key: RecordKey($0))) }
  }

  // MARK: What becomes of it

  /// Takes a record for a damaged one, or compares it with the sound one that is stored.
  func settle<R: StoredRecord>(
    _ record: R, _ log: Log, _ key: RecordKey, always: Bool = false
  ) throws {
    if faults.contains(Place(log: log, key: key)) {
      made.append((log, key, record))
      ledger.assume(record, log, at: key)
      return
    }
    guard always || comparesAll else { return }
    compared += 1
    let stored = try ledger.queue.read { try $0.stableBytes(of: R.self, log, key) } ?? []
    let again = record.payload().stable
    guard stored != again else { return }
    let place = zip(stored, again).enumerated().first { $1.0 != $1.1 }?.offset
    throw StageError(
      .mismatch, at: "\(log)/\(key)",
      "working it out again gives other bytes than are stored: \(again.count) of "
        + "\(stored.count), first difference at \(place ?? min(stored.count, again.count))",
      remedy: "Use the build, dataset, verifiers and product kernel that the run began with.")
  }

  func attempt(_ log: Log, _ key: RecordKey, _ body: () throws -> Void) {
    do { try body() } catch { fail(log, key, error) }
  }

  private func fail(_ log: Log, _ key: RecordKey, _ error: any Error) {
    guard let error = error as? any DescribedError else { return fail(log, key, "\(error)") }
    // A comparison that failed names its own place.
    let isOwn = error.location == "\(log)/\(key)"
    fail(log, key, isOwn ? error.problem : "\(error.location): \(error.problem)")
  }

  /// Follows what gate and assembler remember over one more step, whose records `wanted` are damaged.
  func follow(
    _ log: Log, _ wanted: [RecordKey], _ body: (inout StageMemory) throws -> Void
  ) {
    guard var memory else {
      for key in wanted { fail(log, key, "the stage's memory could not be followed up to it") }
      return
    }
    do {
      try body(&memory)
      self.memory = memory
    } catch {
      if fold.carriesMemory { self.memory = nil }
      for key in wanted where !made.contains(where: { $0.log == log && $0.key == key }) {
        fail(log, key, error)
      }
      // Whose comparison failed says so itself.
      guard wanted.isEmpty, comparesAll else { return }
      let described = error as? any DescribedError
      failures.append(
        .init(
          location: described?.location ?? "\(log)", problem: described?.problem ?? "\(error)"))
    }
  }

  /// Nothing that was made for a step takes a place.
  ///
  /// - Parameter before: nor does the update of the step before it.
  func disbelieve(_ step: StepLayout.Step, _ problem: String, before: Bool) {
    let isDoubtful = { (log: Log, key: RecordKey) in
      if log.isGrouped { return step.groups.contains(key.id) }
      return key.id == step.step || before && log == .updates && key.id + 1 == step.step
    }
    for (log, key, _) in made where isDoubtful(log, key) {
      fail(log, key, "nothing vouches for what would take its place: \(problem)")
    }
    made.removeAll { isDoubtful($0.log, $0.key) }
  }

  func fail(_ log: Log, _ key: RecordKey, _ problem: String) {
    failures.append(RepairReport.Item(location: "\(log)/\(key)", problem: problem))
  }

  func unknown(_ what: String) -> StageError {
    StageError(
      .badData, at: "what is upstream", "does not say \(what)", remedy: "Restore it from a backup.")
  }
}

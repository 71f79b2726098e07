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
  private struct Place: Hashable {
    var log: Log
    var key: RecordKey
  }

  private let run: Run
  private let survey: RecordSurvey
  private let base: RunBase
  private let layout: StepLayout
  /// What comes before it was made by another run, of which this one is a fork.
  private let boundary: StepBoundary
  /// Where the run was forked, if it was, and the groups that another run has sampled.
  private let origin: RunOrigin?
  private let foreignGroups: GroupID
  private let heads: [Log: UInt64]
  private let fold: StageFold
  private let reader: PromptShardReader
  private let verifier: VerifierStage
  private let assembler: LossAssembler
  private var generator: RolloutGenerator
  private var optimizer: Optimizer?
  private var faults: Set<Place>
  /// Compare also what nothing asks for: everything that needs no weights.
  private let comparesAll: Bool
  /// What gate and assembler remember so far; nil once a step could not be followed.
  private(set) var memory: StageMemory?
  /// Waves that the assembler has asked for in the step that it stands at; 0 where its state is lost.
  private let assembledWaves: UInt32
  /// Records made in the place of damaged or missing ones.
  private(set) var made: [(log: Log, key: RecordKey, record: any StoredRecord)] = []
  private(set) var failures: [RepairReport.Item] = []
  /// Steps with rollouts that no sound member of their chunk vouches for.
  private var unproven: Set<UInt64> = []
  /// Records that were worked out and compared.
  private(set) var compared = 0

  private var ledger: Ledger { run.ledger }

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

  private func groups(of step: StepLayout.Step, in log: Log) -> Range<GroupID> {
    step.groups.clamped(to: base.group..<max(base.group, heads[log] ?? base.group))
  }

  private func faulted(_ log: Log, _ range: Range<UInt64>) -> [UInt64] {
    guard !faults.isEmpty else { return [] }
    return range.filter { faults.contains(Place(log: log, key: RecordKey($0))) }
  }

  private func prompts(of step: StepLayout.Step) {
    let range = groups(of: step, in: .prompts)
    for group in comparesAll ? Array(range) : faulted(.prompts, range) {
      attempt(.prompts, RecordKey(group)) {
        guard let place = layout.place(of: group) else { throw unknown("its step") }
        try settle(
          try reader.record(of: group, step: place.step, wave: place.wave), .prompts,
          RecordKey(group))
      }
    }
  }

  private func rollouts(of step: StepLayout.Step) {
    let size = UInt64(run.settings.rollout.chunkGroups)
    var done: Set<GroupID> = []
    for group in faulted(.rollouts, step.groups) where !done.contains(group) {
      let chunk = step.groups.filter { other in
        other / size == group / size
          && layout.place(of: other)?.wave == layout.place(of: group)?.wave
      }
      done.formUnion(chunk)
      let damaged = chunk.filter(isFault)
      var isMade = false
      attempt(.rollouts, RecordKey(damaged[0])) {
        try sample(chunk, step.step)
        isMade = true
      }
      guard !isMade, let why = failures.last?.problem else { continue }
      for other in damaged.dropFirst() { fail(.rollouts, RecordKey(other), why) }
    }
  }

  private func sample(_ chunk: [GroupID], _ step: UInt64) throws {
    let known = chunk.compactMap { survey.rollouts[$0] }.first
    let version = try known?.version ?? assumedVersion(of: chunk, step)
    if chunk[0] < foreignGroups, version > 0, version != boundary.step {
      throw unknown("the weights that sampled it, which are those of the run it was forked from")
    }
    let prompts = try chunk.map { try ledger.existing(PromptRecord.self, .prompts, $0) }
    var source = SourcedPolicy(weightsDigest: [], policy: nil)
    if generator.needsWeights(for: prompts) {
      let optimizer = try weights(at: version)
      if let known, survey.digests[known.digest] != optimizer.weightsDigest {
        throw unknown("the weights that sampled it: version \(version) of this run has others")
      }
      source = SourcedPolicy(
        weightsDigest: optimizer.weightsDigest, policy: optimizer.policy,
        critic: optimizer.critic?.model)
    }
    let records = try generator.answer(prompts, from: chunk[0], version: version, with: source)
    // Sound members first: where one of them comes out otherwise, nothing of the chunk is believed.
    let order = zip(chunk, records).sorted { !isFault($0.0) && isFault($1.0) }
    for (group, record) in order where isFault(group) || survey.rollouts[group] != nil {
      try settle(record, .rollouts, RecordKey(group), always: true)
    }
  }

  /// The version that sampled a chunk of which nothing is left to say it.
  private func assumedVersion(of chunk: [GroupID], _ step: UInt64) throws -> UInt64 {
    guard chunk[0] >= foreignGroups else {
      throw unknown(
        "which weights sampled it: nothing of its chunk is left, and another run made it")
    }
    let isAhead = survey.rollouts.contains { group, fact in
      guard group >= foreignGroups, let step = survey.prompts[group]?.step else { return false }
      return fact.version != run.settings.rollout.version(answering: step)
    }
    guard !isAhead else {
      throw unknown(
        "which policy version sampled it: nothing of its chunk is left, and the run worked ahead")
    }
    unproven.insert(step)
    return run.settings.rollout.version(answering: step)
  }

  private func isFault(_ group: GroupID) -> Bool {
    faults.contains(Place(log: .rollouts, key: RecordKey(group)))
  }

  private func verdicts(of step: StepLayout.Step) {
    let compared = comparesAll ? Array(groups(of: step, in: .verdicts)) : []
    for group in comparesAll ? compared : faulted(.verdicts, step.groups) {
      attempt(.verdicts, RecordKey(group)) {
        let prompt = try ledger.existing(PromptRecord.self, .prompts, group).prompt
        guard run.verifiers.verifier(for: prompt.source).isRepeatable else {
          throw unknown("the verdict, which its verifier would not repeat")
        }
        let rollouts = try ledger.existing(RolloutRecord.self, .rollouts, group)
        try settle(verifier.verify(rollouts, of: prompt), .verdicts, RecordKey(group))
      }
    }
  }

  private func decisions(of step: StepLayout.Step) {
    let range = groups(of: step, in: .decisions)
    let wanted = faulted(.decisions, range)
    guard comparesAll || fold.carriesMemory || !wanted.isEmpty else { return }
    follow(.decisions, wanted.map { RecordKey($0) }) { memory in
      let records = try fold.decisions(range, ledger, &memory)
      for (group, record) in zip(range, records) {
        try settle(record, .decisions, RecordKey(group))
      }
    }
  }

  private func demands(of step: StepLayout.Step) {
    for wave in 1..<max(1, askedWaves(of: step)) {
      let key = RecordKey(step.step, part: wave)
      let isMissing = survey.demands[key] == nil
      if isMissing { faults.insert(Place(log: .demands, key: key)) }
      guard comparesAll || isMissing else { continue }
      attempt(.demands, key) {
        let end = step.groups.lowerBound + UInt64(wave) * UInt64(run.settings.reader.promptsPerStep)
        let members = try (step.groups.lowerBound..<end).map { try StepMember($0, ledger) }
        guard case .demand(let missing) = try assembler.choose(members, waves: wave, step.step)
        else { throw unknown("why wave \(wave) was asked for") }
        try settle(
          DemandRecord(step: step.step, wave: wave, missing: missing), .demands, key)
      }
    }
  }

  /// Waves of a step, the one among them that the assembler has asked for and nobody emitted yet.
  private func askedWaves(of step: StepLayout.Step) -> UInt32 {
    let next = RecordKey(step.step, part: step.waves)
    let isAsked =
      step.step == heads[.batches] ?? base.step && assembledWaves > step.waves
      || faults.contains(Place(log: .demands, key: next))
    return isAsked ? step.waves + 1 : step.waves
  }

  private func batch(of step: StepLayout.Step) {
    guard step.step < heads[.batches] ?? base.step else { return }
    let wanted = faulted(.batches, step.step..<step.step + 1)
    guard comparesAll || fold.carriesMemory || !wanted.isEmpty else { return }
    follow(.batches, wanted.map { RecordKey($0) }) { memory in
      try settle(
        try fold.batch(step.step, step.groups, ledger, &memory), .batches, RecordKey(step.step))
    }
  }

  private func update(of step: UInt64) {
    guard !faulted(.updates, step..<step + 1).isEmpty else { return }
    attempt(.updates, RecordKey(step)) {
      let optimizer = try weights(at: step)
      try settle(try optimizer.work(off: step, ledger), .updates, RecordKey(step))
      // What was logged later must follow from it.
      if survey.updates[step + 1] != nil, survey.batches[step + 1] != nil {
        try optimizer.replay(ledger, to: step + 2) { _ in }
      }
    }
  }

  /// Where nothing else vouches for rollouts of a step, its logged update must follow from them: else
  /// nothing that was made for the step is believed.
  private func prove(_ step: StepLayout.Step) {
    guard unproven.contains(step.step), survey.updates[step.step] != nil else { return }
    do {
      // From before the step: a checkpoint after it would tell nothing.
      try weights(at: step.step).replay(ledger, to: step.step + 1) { _ in }
    } catch {
      optimizer = nil
      let problem = (error as? any DescribedError)?.problem ?? "\(error)"
      disbelieve(step, problem)
    }
  }

  /// The weights after `version` steps.
  private func weights(at version: UInt64) throws -> Optimizer {
    if let optimizer, optimizer.version <= version {
      try optimizer.replay(ledger, to: version) { _ in }
      return optimizer
    }
    let loaded = try run.optimizer(at: version)
    optimizer = loaded
    return loaded
  }

  // MARK: What becomes of it

  /// Takes a record for a damaged one, or compares it with the sound one that is stored.
  private func settle(
    _ record: some StoredRecord, _ log: Log, _ key: RecordKey, always: Bool = false
  ) throws {
    if faults.contains(Place(log: log, key: key)) {
      made.append((log, key, record))
      ledger.assume(record, log, at: key)
      return
    }
    guard always || comparesAll else { return }
    compared += 1
    let stored = try ledger.queue.read { try $0.payload(log, key) }?.stable ?? []
    let again = record.payload().stable
    guard stored != again else { return }
    let place = zip(stored, again).enumerated().first { $1.0 != $1.1 }?.offset
    throw StageError(
      .mismatch, at: "\(log)/\(key)",
      "working it out again gives other bytes than are stored: \(again.count) of "
        + "\(stored.count), first difference at \(place ?? min(stored.count, again.count))",
      remedy: "Use the build, dataset, verifiers and BLAS kernel that the run began with.")
  }

  private func attempt(_ log: Log, _ key: RecordKey, _ body: () throws -> Void) {
    do { try body() } catch let error as any DescribedError {
      // A comparison that failed names its own place.
      let isOwn = error.location == "\(log)/\(key)"
      fail(log, key, isOwn ? error.problem : "\(error.location): \(error.problem)")
    } catch { fail(log, key, "\(error)") }
  }

  /// Follows what gate and assembler remember over one more step.
  private func follow(
    _ log: Log, _ wanted: [RecordKey], _ body: (inout StageMemory) throws -> Void
  ) {
    guard var memory else {
      for key in wanted { fail(log, key, "the stage's memory could not be followed up to it") }
      return
    }
    let before = failures.count
    attempt(log, wanted.first ?? RecordKey(0)) {
      try body(&memory)
      self.memory = memory
    }
    if failures.count > before, fold.carriesMemory { self.memory = nil }
  }

  /// Nothing that was made for a step takes a place.
  private func disbelieve(_ step: StepLayout.Step, _ problem: String) {
    let isOfStep = { (log: Log, key: RecordKey) in
      log.isGrouped ? step.groups.contains(key.id) : key.id == step.step
    }
    for (log, key, _) in made where isOfStep(log, key) {
      fail(log, key, "what would take its place leads to other weights: \(problem)")
    }
    made.removeAll { isOfStep($0.log, $0.key) }
  }

  private func fail(_ log: Log, _ key: RecordKey, _ problem: String) {
    failures.append(RepairReport.Item(location: "\(log)/\(key)", problem: problem))
  }

  private func unknown(_ what: String) -> StageError {
    StageError(
      .badData, at: "what is upstream", "does not say \(what)", remedy: "Restore it from a backup.")
  }
}

/// The repair hands weights over itself; the generator never asks.
private struct GivenPolicies: PolicySource {
  func policy(version: UInt64, loaded: Bool) -> SourcedPolicy? { nil }
}

extension Ledger {
  /// Groups that another run sampled, of which this one is a fork.
  var foreignGroups: GroupID {
    get throws {
      let taken = try value(ForkOrigin.key).map { try ForkOrigin(stored: $0).groups } ?? 0
      return try max(taken, value(RunOrigin.key).map { try RunOrigin(stored: $0).taken } ?? 0)
    }
  }
}

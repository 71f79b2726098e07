public import Definition
import Estimator
public import Queue
public import Records
import Stages

/// Stored groups under other algorithms: decisions, advantages and per-token weights from what the
/// queue holds, without a model and without a byte written.
///
/// One step is in memory at a time. What gates and assemblers remember is carried in order, step by
/// step; a step is one mini-batch.
public struct Replay {
  public struct Request: Sendable {
    /// Nil: all whole steps.
    public var steps: ClosedRange<UInt64>?
    /// Take the log-probabilities that the optimizer recorded of this update of each step.
    public var update: Int?
    /// Only the step of this group, and of it only the group's tokens.
    public var group: GroupID?

    public init(
      steps: ClosedRange<UInt64>? = nil, update: Int? = nil, group: GroupID? = nil
    ) {
      self.steps = steps
      self.update = update
      self.group = group
    }
  }

  private let stored: StoredSteps
  private let request: Request
  private let chosen: [StoredSteps.Span]
  private var replays: [AlgorithmReplay]
  private var tallies: [AlgorithmTally]
  private var cosines: CosineMatrix
  private var groups = 0
  private var tokens = 0
  private var offPolicySteps = 0
  /// What every algorithm decided about the requested group.
  public private(set) var decisions: [ReplayedDecision] = []

  /// - Parameters:
  ///   - queue: of the run, for reading.
  ///   - definition: the run's, frozen.
  /// - Throws: `.notThere` when the run has no whole step, or no such step or group.
  public init(
    _ queue: Queue, definition: Definition, under algorithms: [ReplayedAlgorithm],
    _ request: Request = Request()
  ) throws {
    let settings = try RunSettings(definition)
    let setting = ReplaySetting(settings)
    // What remembers earlier steps must see them.
    let remembers = algorithms.contains { $0.algorithm.carriesMemory }
    stored = try StoredSteps(
      queue, promptsPerStep: setting.promptsPerStep, of: remembers ? nil : request.group)
    self.request = request
    chosen = try stored.choose(request)
    replays = try algorithms.map { try AlgorithmReplay($0, setting) }
    tallies = Array(repeating: AlgorithmTally(), count: algorithms.count)
    cosines = CosineMatrix(count: algorithms.count)
  }

  /// Works the steps off.
  ///
  /// - Parameter each: called for every trajectory that an algorithm trains, step by step, algorithm by
  ///   algorithm, in GroupID order. Costs time and memory; nil: only the report is made.
  public mutating func run(
    each: ((ReplayedTrajectory) throws -> Void)? = nil
  ) throws -> ReplayReport {
    guard let first = chosen.first else { preconditionFailure("Replay: no step was chosen") }
    let carriesMemory = replays.contains { $0.subject.algorithm.carriesMemory }
    for span in stored.spans where span.step <= chosen[chosen.count - 1].step {
      let isChosen = span.step >= first.step
      guard isChosen || carriesMemory else { continue }
      let step = try stored.load(span)
      try work(step, evaluates: isChosen, each)
    }
    return report()
  }

  private mutating func work(
    _ step: StoredStep, evaluates: Bool, _ each: ((ReplayedTrajectory) throws -> Void)?
  ) throws {
    let recorded =
      try evaluates ? request.update.map { try stored.recorded(step, update: $0) } : nil
    let before = replays
    let prepared = try concurrentMap(replays.count) { index in
      var replay = before[index]
      let prepared = replay.prepare(step, recorded: recorded, evaluates: evaluates)
      return (replay, prepared)
    }
    replays = prepared.map(\.0)
    guard evaluates else { return }
    groups += step.groups.count
    offPolicySteps += step.isOnPolicy ? 0 : 1
    for index in replays.indices { tallies[index].add(prepared[index].1) }
    note(step, prepared.map(\.1))
    let places = TokenPlaces(step)
    tokens += places.count
    let batches = prepared.map(\.1.batch)
    let vectors =
      try each.map { try evaluateInTurn(batches, step, places, $0) }
      ?? evaluateTogether(batches, step, places)
    try cosines.add(vectors)
  }

  /// All micro-batches of all algorithms on all cores.
  private mutating func evaluateTogether(
    _ batches: [PreparedBatch?], _ step: StoredStep, _ places: TokenPlaces
  ) throws -> [[Double]?] {
    let work = batches.enumerated().flatMap { index, batch in
      (0..<(batch?.layout.groups.count ?? 0)).map { (algorithm: index, microBatch: $0) }
    }
    let evaluated = try concurrentMap(work.count) { index -> Result<EvaluatedPart, any Error>? in
      let (algorithm, microBatch) = work[index]
      guard let batch = batches[algorithm] else { return nil }
      return Result { try batch.part(microBatch, keepingParts: false) }
    }
    var parts: [[EvaluatedPart]] = Array(repeating: [], count: batches.count)
    for (item, result) in zip(work, evaluated) {
      switch result {
      case .success(let part): parts[item.algorithm].append(part)
      case .failure(let error): try fail(item.algorithm, error, step)
      case nil: break
      }
    }
    for index in batches.indices where replays[index].failure == nil {
      for part in parts[index] { tallies[index].add(part) }
    }
    let (done, own) = (parts, replays)
    return try concurrentMap(batches.count) { index in
      guard own[index].failure == nil else { return nil }
      return batches[index]?.laidOut(done[index], over: places)
    }
  }

  /// Algorithm by algorithm, with every token's parts handed out.
  private mutating func evaluateInTurn(
    _ batches: [PreparedBatch?], _ step: StoredStep, _ places: TokenPlaces,
    _ each: (ReplayedTrajectory) throws -> Void
  ) throws -> [[Double]?] {
    var vectors: [[Double]?] = []
    for (index, batch) in batches.enumerated() {
      guard let batch else {
        vectors.append(nil)
        continue
      }
      let parts: [EvaluatedPart]
      do {
        parts = try concurrentMap(batch.layout.groups.count) {
          try batch.part($0, keepingParts: true)
        }
      } catch {
        try fail(index, error, step)
        vectors.append(nil)
        continue
      }
      for part in parts { tallies[index].add(part) }
      let place = (step: step.step, algorithm: index, label: replays[index].subject.label)
      try batch.forEachTrajectory(parts, of: request.group, place, each)
      vectors.append(batch.laidOut(parts, over: places))
    }
    return vectors
  }

  /// An algorithm that cannot go on is the algorithm's failure; anything else is the replay's.
  private mutating func fail(_ index: Int, _ error: any Error, _ step: StoredStep) throws {
    guard let described = error as? any DescribedError else { throw error }
    replays[index].fail(described, step.step)
  }

  private mutating func note(_ step: StoredStep, _ prepared: [PreparedStep]) {
    guard let wanted = request.group,
      let place = step.groups.firstIndex(where: { $0.group == wanted })
    else { return }
    decisions = zip(replays, prepared).compactMap { replay, prepared in
      guard prepared.decisions.indices.contains(place) else { return nil }
      return ReplayedDecision(
        replay.subject.label, prepared.decisions[place], prepared.fate(place),
        drop: prepared.drops[place])
    }
  }

  private func report() -> ReplayReport {
    let summaries = zip(replays, tallies).map { AlgorithmSummary($0, $1) }
    return ReplayReport(
      steps: chosen.count, firstStep: chosen[0].step, lastStep: chosen[chosen.count - 1].step,
      groups: groups, tokens: tokens, update: request.update, algorithms: summaries,
      cosines: summaries.indices.map { row in
        summaries.indices.map { cosines.cosine(row, $0) }
      }, notes: notes(summaries))
  }

  private func notes(_ summaries: [AlgorithmSummary]) -> [String] {
    var notes: [String] = []
    if stored.unfinished > 0, request.steps == nil, request.group == nil {
      notes.append("\(stored.unfinished) groups behind the last whole step are left out")
    }
    if let first = stored.spans.first?.step, first > 0,
      replays.contains(where: { $0.subject.algorithm.carriesMemory })
    {
      notes.append(
        "the steps before \(first) are trimmed: what gates and assemblers remember begins there")
    }
    if request.update == nil {
      notes.append(
        offPolicySteps == 0
          ? "current log-probabilities: the rollouts' own, ratio 1 (a step's first update)"
          : "current log-probabilities: the rollouts' own, ratio 1, although the rollouts of "
            + "\(offPolicySteps) steps came from an older policy")
    }
    for summary in summaries {
      if let constant = summary.constant, let source = summary.constantSource {
        notes.append("\(summary.label) divides by \(constant), the run's \(source)")
      }
      if summary.shortSteps > 0 {
        notes.append(
          "\(summary.label) would have asked for more prompts in \(summary.shortSteps) steps")
      }
      if summary.unscoredRows > 0 {
        notes.append(
          "\(summary.label): \(summary.unscoredRows) rows without a recorded log-probability "
            + "have weight 0")
      }
    }
    return notes
  }
}

extension ReplayedDecision {
  init(_ label: String, _ record: DecisionRecord, _ fate: GroupFate, drop: String?) {
    self.label = label
    self.fate = fate
    rule = record.rule
    self.drop = drop
    kept = record.kept
    idle = record.idle
    solved = record.solved
    total = record.total
    rolloutWeight = record.rolloutWeight
    offPolicyWeight = record.offPolicyWeight
    demonstrationWeight = record.demonstrationWeight
  }
}

extension StoredSteps {
  /// The spans that a request asks for.
  func choose(_ request: Replay.Request) throws(ReplayError) -> [Span] {
    guard let last = spans.last else {
      throw ReplayError(
        .notThere, at: request.group.map { "group \($0)" } ?? "the run",
        request.group == nil
          ? "it has no step whose groups all have verdicts"
          : "no step whose groups all have verdicts holds it",
        remedy: request.group == nil
          ? "Let it work first: `pipeline resume RUN`."
          : "List groups with `pipeline inspect list RUN`; one that is there waits for its step.")
    }
    if let group = request.group {
      guard let span = spans.first(where: { $0.groups.contains(group) }) else {
        throw ReplayError(
          .notThere, at: "group \(group)",
          "the run's whole steps hold the groups \(spans[0].groups.lowerBound) to "
            + "\(last.groups.upperBound - 1)",
          remedy: "List them with `pipeline inspect list RUN`.")
      }
      return [span]
    }
    guard let range = request.steps else { return spans }
    let chosen = spans.filter { range.contains($0.step) }
    guard !chosen.isEmpty else {
      throw ReplayError(
        .notThere, at: "steps \(range.lowerBound)..\(range.upperBound)",
        "the run has the whole steps \(spans[0].step) to \(last.step)",
        remedy: "Choose steps among them.")
    }
    return chosen
  }
}

import Queue
public import Records

/// What a runner tells its caller about a committed step.
public struct StepReport: Sendable {
  public var step: UInt64
  public var steps: UInt64
  /// Metrics of batch and update by name.
  public var metrics: [String: Double]
  /// Seconds that the step took, its checkpoint included, what followed the step before not.
  public var seconds: Double
}

/// Runs stages of one process over a run's ledger until the run is finished, or until asked to end.
///
/// The stages take turns in pipeline order. What they make is committed together: after every
/// update, and before work that would be dear to repeat is put at risk by more dear work.
public struct Runner {
  /// How a runner came to its end.
  public enum End: Equatable, Sendable {
    case finished
    /// All that was pending is worked off; the texts say what each stage waits for.
    case idle([String])
    case limit
    case interrupted(ExitStatus)
    /// The disk has too little room for new work, by ``Queue/Queue/isLowOnSpace()``.
    case lowOnSpace
  }

  /// Records after which a transaction is committed in any case: it bounds memory.
  private static let largestTransaction = 8192

  private var stages: [any Stage]
  private let ledger: Ledger
  private let steps: UInt64
  private let interruption: Interruption?
  /// When the stages did what; nil: nobody asks.
  private let activity: ActivityRecorder?
  /// Told before a stage has its turn.
  private let atStage: (StageName) -> Void
  /// Told after each commit that moved the optimizer.
  private let afterStep: (UInt64) throws -> Void
  /// Groups that each stage has worked off here (the reader: emitted; the optimizer: steps).
  public private(set) var worked: [StageName: UInt64] = [:]

  public init(
    stages: [any Stage], ledger: Ledger, steps: Int, interruption: Interruption?,
    activity: ActivityLog? = nil, atStage: @escaping (StageName) -> Void = { _ in },
    afterStep: @escaping (UInt64) throws -> Void
  ) {
    self.atStage = atStage
    self.activity = activity.map { ActivityRecorder($0) }
    self.stages = stages
    self.ledger = ledger
    self.steps = UInt64(steps)
    self.interruption = interruption
    self.afterStep = afterStep
  }

  /// Works until the run is finished, nothing is pending, or the process is asked to end. What was
  /// made and not committed is dropped at an interruption: a resumed run makes it again.
  ///
  /// - Parameter limit: stop at the first commit at which a stage has worked off this many groups
  ///   (of the optimizer: steps) since the runner was made. A wave, a chunk and a step are never cut.
  public mutating func run(limit: UInt64? = nil) throws -> End {
    while true {
      var turn = Turn()
      do { try take(&turn) } catch is Interrupted {}
      if let status = interruption?.status {
        ledger.discard()
        activity?.discard()
        return .interrupted(status)
      }
      if let limit, worked.values.contains(where: { $0 >= limit }) {
        try commit()
        return .limit
      }
      if ledger.pendingCount >= Self.largestTransaction { try commit() }
      if turn.moved { continue }
      try commit()
      if try stages.allSatisfy(isFinished) { return .finished }
      if turn.isLowOnSpace { return .lowOnSpace }
      return .idle(turn.waiting)
    }
  }

  private mutating func commit() throws {
    try ledger.commit()
    try activity?.flush()
  }

  /// What came of one turn of every stage after the other.
  private struct Turn {
    var moved = false
    /// What the stages that made nothing wait for.
    var waiting: [String] = []
    /// A stage that would take new work in did not, for want of room.
    var isLowOnSpace = false
  }

  private mutating func take(_ turn: inout Turn) throws {
    for index in stages.indices {
      guard interruption?.status == nil else { break }
      let name = type(of: stages[index]).name
      if ledger.hasDear, name == .rollout || name == .optimizer { try commit() }
      // Where new work comes in; what is under way may still come to its end.
      if name == .reader || name == .rollout, try ledger.queue.isLowOnSpace() {
        turn.isLowOnSpace = true
        continue
      }
      atStage(name)
      try ledger.requireClaims()
      let before = try ledger.cursor(name)
      let start = activity?.now ?? 0
      switch try stages[index].advance(ledger) {
      case .waiting(let reason): turn.waiting.append("\(name.rawValue): \(reason)")
      case .made(let outcome):
        try ledger.post(outcome, by: name)
        turn.moved = true
        let count =
          name == .loss || name == .optimizer
          ? try ledger.cursor(name) - before : UInt64(outcome.records.count)
        worked[name, default: 0] += count
        try activity?.add(name, since: start, outcome, groups: count, ledger)
        if outcome.isIrreplaceable { try commit() }
        guard name == .optimizer else { continue }
        try commit()
        try afterStep(try ledger.cursor(.optimizer) - 1)
      }
    }
  }

  /// The last loss batch is the last that anybody upstream has to do with.
  private func isFinished(_ stage: any Stage) throws -> Bool {
    type(of: stage).name == .optimizer
      ? try ledger.cursor(.optimizer) >= steps : try ledger.head(.batches) >= steps
  }
}

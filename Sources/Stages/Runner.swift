import Queue
public import Records

/// What a runner tells its caller about a committed step.
public struct StepReport: Sendable {
  public var step: UInt64
  public var steps: UInt64
  /// Metrics of batch and update by name.
  public var metrics: [String: Double]
  /// Seconds since the last report, evaluation and checkpoint included.
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
  }

  /// Records after which a transaction is committed in any case: it bounds memory.
  private static let largestTransaction = 8192

  private var stages: [any Stage]
  private let ledger: Ledger
  private let steps: UInt64
  private let interruption: Interruption?
  /// Told before a stage has its turn.
  private let atStage: (StageName) -> Void
  /// Told after each commit that moved the optimizer.
  private let afterStep: (UInt64) throws -> Void

  public init(
    stages: [any Stage], ledger: Ledger, steps: Int, interruption: Interruption?,
    atStage: @escaping (StageName) -> Void = { _ in },
    afterStep: @escaping (UInt64) throws -> Void
  ) {
    self.atStage = atStage
    self.stages = stages
    self.ledger = ledger
    self.steps = UInt64(steps)
    self.interruption = interruption
    self.afterStep = afterStep
  }

  /// Works until the run is finished, nothing is pending, or the process is asked to end. What was
  /// made and not committed is dropped at an interruption: a resumed run makes it again.
  ///
  /// - Parameter limit: stop at the first commit at which a stage has consumed this many groups
  ///   (of the optimizer: steps). A wave, a chunk and a step are never cut.
  public mutating func run(limit: UInt64? = nil) throws -> End {
    let start = try consumed()
    while true {
      let (moved, waiting) = try turn()
      if let status = interruption?.status {
        ledger.discard()
        return .interrupted(status)
      }
      if let limit, try zip(consumed(), start).contains(where: { $0 &- $1 >= limit }) {
        try ledger.commit()
        return .limit
      }
      if ledger.pendingCount >= Self.largestTransaction { try ledger.commit() }
      guard moved else {
        try ledger.commit()
        return try stages.allSatisfy(isFinished) ? .finished : .idle(waiting)
      }
    }
  }

  /// One turn of every stage after the other: whether any of them made something, and what the
  /// others wait for.
  private mutating func turn() throws -> (moved: Bool, waiting: [String]) {
    var moved = false
    var waiting: [String] = []
    for index in stages.indices {
      guard interruption?.status == nil else { break }
      let name = type(of: stages[index]).name
      if ledger.hasDear, name == .rollout || name == .optimizer { try ledger.commit() }
      atStage(name)
      switch try stages[index].advance(ledger) {
      case .waiting(let reason): waiting.append("\(name.rawValue): \(reason)")
      case .made(let outcome):
        ledger.post(outcome, by: name)
        moved = true
        guard name == .optimizer else { continue }
        try ledger.commit()
        try afterStep(try ledger.cursor(.optimizer) - 1)
      }
    }
    return (moved, waiting)
  }

  private func consumed() throws -> [UInt64] {
    try stages.map { stage in
      let name = type(of: stage).name
      return name == .reader ? try ledger.head(.prompts) : try ledger.cursor(name)
    }
  }

  /// The last loss batch is the last that anybody upstream has to do with.
  private func isFinished(_ stage: any Stage) throws -> Bool {
    type(of: stage).name == .optimizer
      ? try ledger.cursor(.optimizer) >= steps : try ledger.head(.batches) >= steps
  }
}

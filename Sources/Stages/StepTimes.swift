import Records

/// Where the optimizer spends a step's time, as laps of one clock.
struct StepTimes {
  /// The parts in the order in which an update goes through them.
  enum Part: String, CaseIterable {
    /// Log-probabilities that must be there before the update's own forward pass.
    case scoring
    case forward
    /// The loss and its derivatives, and the comparison with what the sampler stored.
    case estimator
    case backward
    case critic
    /// The gradient's norm and AdamW.
    case update
    /// Of the new weights.
    case digest
  }

  private var sums: [Part: Double] = [:]
  private var last: ContinuousClock.Instant
  private let clock = ContinuousClock()

  /// The first lap begins now.
  init() { last = clock.now }

  /// Begins a lap without ending one: what was since the last is nobody's.
  mutating func begin() { last = clock.now }

  /// Ends a lap that `part` had, and begins the next.
  mutating func lap(_ part: Part) {
    let now = clock.now
    sums[part, default: 0] += last.duration(to: now).seconds
    last = now
  }

  /// `seconds/forward` and so on, of the parts that had laps.
  var measurements: [Measurement] {
    Part.allCases.compactMap { part in
      sums[part].map { Measurement("seconds/\(part.rawValue)", $0) }
    }
  }
}

import Records

/// How a number is spread over rollouts or groups.
public struct Distribution: Sendable, Equatable, Encodable {
  /// What a number is taken of.
  public enum Quantity: String, Sendable, Equatable, CaseIterable, Encodable {
    case reward
    case length
    /// Solved rollouts among those of a group.
    case accuracy
    /// Mean entropy of a rollout's tokens, in nats, where it was recorded.
    case entropy
  }

  public var quantity: Quantity
  public var spread: Spread
  public var bins: [Histogram.Bin]

  init?(_ quantity: Quantity, _ values: [Double]) {
    guard let spread = Spread(values) else { return nil }
    self.quantity = quantity
    self.spread = spread
    bins = Histogram(values).bins
  }

  /// Count, mean and quantiles (the nearest value at or above the share).
  public struct Spread: Sendable, Equatable, Encodable {
    public var count: Int
    public var mean: Double
    public var least: Double
    public var p10: Double
    public var median: Double
    public var p90: Double
    public var most: Double

    /// - Returns: nil without values.
    init?(_ values: [Double]) {
      let sorted = values.sorted()
      guard let first = sorted.first, let last = sorted.last else { return nil }
      func quantile(_ share: Double) -> Double {
        sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)]
      }
      count = sorted.count
      mean = sorted.reduce(0, +) / Double(sorted.count)
      (least, most) = (first, last)
      (p10, median, p90) = (quantile(0.1), quantile(0.5), quantile(0.9))
    }
  }
}

/// The numbers that distributions are made of, over a run and within its last step.
struct DistributionTally {
  private var all: [Distribution.Quantity: [Double]] = [:]
  private var step: [Distribution.Quantity: [Double]] = [:]

  mutating func add(_ records: GroupRecords) {
    add(.reward, (records.verdicts ?? []).compactMap(\.reward))
    let rollouts = records.rollouts?.rollouts ?? []
    add(.length, rollouts.map { Double($0.tokens.count) })
    add(
      .entropy,
      rollouts.compactMap { rollout in
        rollout.quantity(RecordedQuantity.entropy).flatMap { values in
          values.isEmpty
            ? nil : values.reduce(0) { $0 + Double($1) } / Double(values.count)
        }
      })
    if let (solved, total) = records.solved, total > 0 {
      add(.accuracy, [Double(solved) / Double(total)])
    }
  }

  private mutating func add(_ quantity: Distribution.Quantity, _ values: [Double]) {
    let finite = values.filter(\.isFinite)
    guard !finite.isEmpty else { return }
    all[quantity, default: []] += finite
    step[quantity, default: []] += finite
  }

  /// Of the step that ends here; the next begins.
  mutating func takeStep() -> [String: Distribution.Spread] {
    defer { step = [:] }
    let spreads = step.compactMap { quantity, values in
      Distribution.Spread(values).map { (quantity.rawValue, $0) }
    }
    return Dictionary(uniqueKeysWithValues: spreads)
  }

  var distributions: [Distribution] {
    Distribution.Quantity.allCases.compactMap { quantity in
      Distribution(quantity, all[quantity] ?? [])
    }
  }
}

/// The learning rate as a pure function of the update's index, so that a resumed run needs no state.
///
/// Updates count from 0 and include skipped ones. During warm-up update u has
/// `peak · (u + 1) / warmup`: the first update is not wasted on a rate of 0. After it, with
/// `p = (u − warmup) / (total − warmup)` in [0, 1]:
///
///     constant  peak
///     linear    floor + (peak − floor) · (1 − p)
///     cosine    floor + (peak − floor) · (1 + cos πp) / 2
public struct LearningRate: Sendable, Equatable {
  public enum Decay: String, Sendable, CaseIterable {
    case constant
    case linear
    case cosine
  }

  public var peak: Double
  /// Updates of linear warm-up; 0 for none.
  public var warmup: Int
  public var decay: Decay
  /// Updates after which the decay has reached the floor; not read by `constant`.
  public var total: Int
  /// The rate at the end of the decay.
  public var floor: Double

  /// - Throws: `.badParameter` for a negative rate or warm-up, or a decay that ends before it begins.
  public init(
    peak: Double, warmup: Int = 0, decay: Decay = .constant, total: Int = 0, floor: Double = 0
  ) throws(EstimatorError) {
    guard peak >= 0, peak.isFinite, floor >= 0, floor <= peak else {
      throw .parameter(
        "learning_rate", "it runs from \(peak) to \(floor)",
        remedy: "Give a rate from 0 on, and a floor between 0 and the rate.")
    }
    guard warmup >= 0 else {
      throw .parameter(
        "learning_rate.warmup", "\(warmup) is negative", remedy: "Give a number of updates.")
    }
    guard decay == .constant || total > warmup else {
      throw .parameter(
        "learning_rate.total",
        "the \(decay.rawValue) decay ends at update \(total), "
          + "the warm-up at \(warmup)", remedy: "Give the number of updates of the whole run.")
    }
    self.peak = peak
    self.warmup = warmup
    self.decay = decay
    self.total = total
    self.floor = floor
  }

  /// The rate of update `index`, counted from 0. Beyond `total` it stays at the floor.
  public func at(update index: Int) -> Double {
    if index < warmup { return peak * Double(index + 1) / Double(warmup) }
    guard decay != .constant else { return peak }
    let progress = min(1, Double(index - warmup) / Double(total - warmup))
    let remaining = decay == .linear ? 1 - progress : (1 + cosine(.pi * progress)) / 2
    return floor + (peak - floor) * remaining
  }
}

/// Dynamic sampling (DAPO, arXiv 2503.14476, section 3.2): groups whose rollouts do not differ
/// teach nothing; they are left out, and more are sampled until the batch is full.
///
/// Scope: group for what is kept, batch for the filling (`fill(target:waves:)`). A group left out
/// also leaves every normalizer, which is what sets it apart from a group with `Â = 0`.
public struct SpreadFilter: Sendable, Equatable {
  public enum Rule: String, Sendable, CaseIterable {
    /// The released recipe: the component differs within the group, or the group has one rollout.
    /// The recipe asks for a standard deviation above 0, which three values of 0.1 have in binary
    /// (1.4e-17); here the largest is compared with the smallest.
    case spread
    /// The paper: `0 < solved < n`, where solved is exactly 1. A group of one never trains.
    case solved
  }

  /// What happens when the waves are used up and the batch is not full.
  public enum Shortage: String, Sendable, CaseIterable {
    /// The step trains on what there is.
    case train
    /// The run stops, as the released recipe does.
    case fail
  }

  /// The number that must differ. The released recipe takes the bare correctness: shaped rewards
  /// differ by length alone and keep groups that are all wrong.
  public var component: String
  /// Whether more waves of rollouts are demanded until the batch is full; without, a step trains on
  /// what its first wave leaves.
  public var fill: Bool
  /// Waves for one step at most; 0 is without limit. The released recipe gives up after 10.
  public var maximumWaves: Int
  public var whenShort: Shortage
  public var rule: Rule

  public init(
    component: String = Gate.accuracy, fill: Bool = true, maximumWaves: Int = 10,
    whenShort: Shortage = .train, rule: Rule = .spread
  ) {
    self.component = component
    self.fill = fill
    self.maximumWaves = maximumWaves
    self.whenShort = whenShort
    self.rule = rule
  }

  /// Whether a group with these values of the component trains; false for none.
  public func keeps(_ values: [Double]) -> Bool {
    switch rule {
    case .spread:
      guard let least = values.min(), let most = values.max() else { return false }
      return values.count == 1 || least != most
    case .solved:
      let solved = values.count(where: Gate.isSolved)
      return 0 < solved && solved < values.count
    }
  }

  /// Refuses parameters out of their range, by the key `key`.
  func validate(_ key: String) throws(EstimatorError) {
    if component.isEmpty {
      throw .parameter(
        "\(key).component", "it is empty", remedy: "Name a component of the verdict, or reward.")
    }
    if maximumWaves < 0 {
      throw .parameter(
        "\(key).maximum_waves", "\(maximumWaves) is below 0",
        remedy: "Give a number of waves, or 0 for no limit.")
    }
  }
}

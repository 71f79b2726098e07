/// How far the waves of a step fill its batch under dynamic sampling.
public struct SpreadFill<Group: Sendable>: Sendable {
  public enum Outcome: String, Sendable, CaseIterable {
    /// The batch is full: the step trains on `taken`.
    case full
    /// One more wave is needed; `taken` is what there is so far.
    case unfinished
    /// No more waves are allowed: the step trains on the fewer that are `taken`, maybe none.
    case short
    /// No more waves are allowed, and the filter says to stop: nothing is taken.
    case failed
  }

  public var outcome: Outcome
  /// The groups of the batch, in the order of waves and within them.
  public var taken: [Group]
  /// Groups that would train and came too late. They are not carried over to the next step: by then
  /// another policy samples.
  public var surplus: [Group]
  /// How many waves were looked at; those after the one that filled the batch are not.
  public var waves: Int

  public init(outcome: Outcome, taken: [Group], surplus: [Group], waves: Int) {
    self.outcome = outcome
    self.taken = taken
    self.surplus = surplus
    self.waves = waves
  }
}

extension SpreadFill: Equatable where Group: Equatable {}

extension SpreadFilter {
  /// Which groups make the batch of a step (`fit` of the released DAPO trainer).
  ///
  /// A pure function of the waves so far: ask again with one more wave while the answer is
  /// `unfinished`. What it takes never depends on later waves.
  ///
  /// - Parameters:
  ///   - target: groups in a full batch, at least 1.
  ///   - waves: for each wave of rollouts, in order, the groups that the filter kept, in order.
  public func fill<Group: Sendable>(target: Int, waves: [[Group]]) -> SpreadFill<Group> {
    precondition(target > 0, "SpreadFilter.fill: a batch of \(target) groups")
    let limit = fill ? maximumWaves : 1
    var groups: [Group] = []
    for (index, wave) in waves.enumerated() {
      groups += wave
      let used = index + 1
      if groups.count >= target {
        return SpreadFill(
          outcome: .full, taken: Array(groups[..<target]), surplus: Array(groups[target...]),
          waves: used)
      }
      guard used == limit else { continue }
      let fails = fill && whenShort == .fail
      return SpreadFill(
        outcome: fails ? .failed : .short, taken: fails ? [] : groups, surplus: [], waves: used)
    }
    return SpreadFill(outcome: .unfinished, taken: groups, surplus: [], waves: waves.count)
  }
}

/// What the advantage estimate made of one row.
public struct AssembledRow: Sendable, Equatable {
  /// One number for the whole row, or one per token (0 on tokens that carry no loss); which of the
  /// two is ``AdvantageEstimate/isPerToken``. Imitated and idle rows always have one number.
  public var advantages: [Double]
  /// `[T]`, what the critic should have said; empty where no return is computed. Before whitening.
  public var returns: [Double]
  /// RiskPO: index of the row's paper among all papers of the step; otherwise, and for a response
  /// that no paper used, −1.
  public var unit: Int

  public init(advantages: [Double], returns: [Double] = [], unit: Int = -1) {
    self.advantages = advantages
    self.returns = returns
    self.unit = unit
  }

  /// `Â` of one token.
  @inline(__always) public func advantage(_ token: Int) -> Double {
    advantages.count == 1 ? advantages[0] : advantages[token]
  }
}

/// What the advantage estimate made of one group; rows as in the ``AssemblyGroup``.
public struct AssembledGroup: Sendable, Equatable {
  public var rows: [AssembledRow]
  /// Why the group cannot train, by a fixed short name: `no_rows`, `no_tokens`; nil: it can.
  public var drop: String?
  /// RiskPO: index of the group's bundle in the step; otherwise −1. A bundle must not be split.
  public var bundle: Int

  public init(rows: [AssembledRow], drop: String? = nil, bundle: Int = -1) {
    self.rows = rows
    self.drop = drop
    self.bundle = bundle
  }

  /// What is settled before any estimate: imitated rows have Â = 1, all others 0 so far.
  init(settling group: AssemblyGroup) {
    rows = group.rows.map { AssembledRow(advantages: [$0.standing == .imitated ? 1 : 0]) }
    bundle = -1
    if group.rows.isEmpty {
      drop = "no_rows"
    } else if group.rows.allSatisfy({ $0.trainedTokens == 0 }) {
      drop = "no_tokens"
    }
  }
}

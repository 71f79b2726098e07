import Records

/// One response of a group as the advantage estimate sees it.
public struct AssemblyRow: Sendable, Equatable {
  public enum Standing: Sendable, Equatable, CaseIterable {
    /// Enters the group's statistics and gets its Â from the estimate: a rollout that was kept, or a
    /// demonstration that joined the group.
    case member
    /// A demonstration that is imitated, outside the statistics: Â = 1.
    case imitated
    /// A rollout that the sample filter rejected but the normalisers count: Â = 0.
    case idle
  }

  public var kind: RowKind
  public var standing: Standing
  /// After ``RewardShaping``; of members alone it is read.
  public var reward: Double
  public var tokens: Int
  /// Per token, which ones carry a loss; empty: all. The others (tool output, padding) are stepped
  /// over by every sum, not taken for an end.
  public var trained: [Bool]
  /// Per token, the KL penalty with its coefficient, subtracted from the token's reward; empty: none.
  public var penalties: [Double]
  /// Per token, the critic's values at rollout time; empty: none.
  public var values: [Double]

  public init(
    kind: RowKind = .rollout, standing: Standing = .member, reward: Double, tokens: Int,
    trained: [Bool] = [], penalties: [Double] = [], values: [Double] = []
  ) {
    self.kind = kind
    self.standing = standing
    self.reward = reward
    self.tokens = tokens
    self.trained = trained
    self.penalties = penalties
    self.values = values
  }

  /// How many tokens carry a loss.
  public var trainedTokens: Int { trained.isEmpty ? tokens : trained.count { $0 } }

  /// Index of the last token that carries a loss, on which the outcome reward sits; −1: none.
  public var lastTrainedToken: Int {
    trained.isEmpty ? tokens - 1 : trained.lastIndex(of: true) ?? -1
  }

  @inline(__always) func trains(_ token: Int) -> Bool { trained.isEmpty || trained[token] }

  /// `Σ penalties` over the tokens that carry a loss.
  public var penaltySum: Double {
    guard !penalties.isEmpty else { return 0 }
    var sum = 0.0
    for token in 0..<tokens where trains(token) { sum += penalties[token] }
    return sum
  }

  /// What the kinds with a number per row take for the reward.
  var outcome: Double { reward - penaltySum }

  /// The reward of each token: the outcome on the last trained token, less each token's penalty; 0
  /// on tokens that carry no loss.
  public var tokenRewards: [Double] {
    var rewards = Array(repeating: 0.0, count: tokens)
    for token in 0..<tokens where trains(token) {
      rewards[token] = penalties.isEmpty ? 0 : -penalties[token]
    }
    if lastTrainedToken >= 0 { rewards[lastTrainedToken] += reward }
    return rewards
  }
}

/// The rows of one group that the gate let pass, in the order in which they train.
public struct AssemblyGroup: Sendable, Equatable {
  public var id: UInt64
  public var rows: [AssemblyRow]

  public init(id: UInt64, rows: [AssemblyRow]) {
    self.id = id
    self.rows = rows
  }
}

extension AssemblyGroup {
  /// Mean over the member rows of `groups` of each row's mean penalty per trained token; 0 without
  /// rows. Divided by the coefficient it is the sequence-mean KL that a controller steers by (verl).
  public static func meanPenalty(_ groups: [AssemblyGroup]) -> Double {
    var sum = 0.0
    var rows = 0
    for group in groups {
      for row in group.rows where row.standing == .member && row.trainedTokens > 0 {
        sum += row.penaltySum / Double(row.trainedTokens)
        rows += 1
      }
    }
    return rows > 0 ? sum / Double(rows) : 0
  }

  /// Refuses arrays that do not fit and numbers that are none. Only what an estimate reads is looked
  /// at: the rewards, penalties and (if `values`) critic's values of members.
  func check(values needed: Bool) throws(EstimatorError) {
    for (index, row) in rows.enumerated() {
      precondition(row.tokens >= 0, "AssemblyGroup: row \(index) has \(row.tokens) tokens")
      for (name, count) in [
        ("trained", row.trained.count), ("penalties", row.penalties.count),
        ("values", row.values.count),
      ] where count != 0 && count != row.tokens {
        throw .shape("\(name) of group \(id), row \(index)", count, expected: row.tokens)
      }
      guard row.standing == .member else { continue }
      guard row.reward.isFinite else { throw .notFinite("the reward", row.reward, id, index) }
      if needed, row.values.isEmpty, row.tokens > 0 { throw .missingValues(id, index) }
      try check("the penalty", row.penalties, row, index)
      if needed { try check("the value", row.values, row, index) }
    }
  }

  private func check(
    _ what: String, _ numbers: [Double], _ row: AssemblyRow, _ index: Int
  ) throws(EstimatorError) {
    for token in numbers.indices where !numbers[token].isFinite && row.trains(token) {
      throw .notFinite("\(what) of token \(token)", numbers[token], id, index)
    }
  }
}

extension EstimatorError {
  static func notFinite(
    _ what: String, _ value: Double, _ group: UInt64, _ row: Int
  ) -> EstimatorError {
    EstimatorError(
      code: .notFinite, location: "group \(group), row \(row)", problem: "\(what) is \(value)",
      remedy: "Drop the group, or look for the policy, critic or verifier that produced it.",
      exitStatus: .mismatch)
  }

  static func missingValues(_ group: UInt64, _ row: Int) -> EstimatorError {
    var error = EstimatorError.missing("value", needed: "the advantage estimate gae")
    error.problem += ": row \(row) of group \(group) carries no critic values"
    return error
  }
}

/// What a row of a batch is.
public enum RowKind: UInt8, Sendable, Equatable {
  case rollout = 0
  case demonstration = 1
}

/// As much of a row as its normalisers depend on.
public struct RowShape: Sendable, Equatable {
  public var kind: RowKind
  /// Index of the row's group in the mini-batch, from 0.
  public var group: Int
  /// Tokens that carry a loss.
  public var trainedTokens: Int

  public init(kind: RowKind, group: Int, trainedTokens: Int) {
    self.kind = kind
    self.group = group
    self.trainedTokens = trainedTokens
  }
}

/// Over which rows the means of a loss run.
public enum NormalizerScope: String, Sendable, CaseIterable {
  /// Over the whole mini-batch, before it is cut: the cut changes nothing. The default.
  case miniBatch = "mini_batch"
  /// Over each micro-batch by itself, and the micro-batches' losses averaged: the HPT release with a
  /// fixed micro-batch size. The SFT and entropy terms then depend on the cut.
  case microBatchMean = "micro_batch_mean"
  /// As before, and the losses added up: the HPT release with `use_dynamic_bsz`, as published. The
  /// weight of the SFT and entropy terms then grows with the number of micro-batches.
  case microBatchSum = "micro_batch_sum"
}

/// The sums that the aggregation divides by, taken over the rows of a mini-batch before it is cut into
/// micro-batches.
public struct Normalizers: Sendable, Equatable {
  /// Doubles, since they are divisors.
  public struct Totals: Sendable, Equatable {
    /// `T`: valid tokens.
    public var tokens: Double
    /// `S`: rows with at least one valid token.
    public var sequences: Double
    /// `B`: rows.
    public var rows: Double
    /// `Q`: groups with a row of any kind.
    public var groups: Double

    public init(tokens: Double = 0, sequences: Double = 0, rows: Double = 0, groups: Double = 0) {
      self.tokens = tokens
      self.sequences = sequences
      self.rows = rows
      self.groups = groups
    }
  }

  public var rollouts: Totals
  public var demonstrations: Totals
  /// Over both kinds.
  public var all: Totals
  /// Rows of each kind in each group of the mini-batch.
  public var rolloutsInGroup: [Int]
  public var demonstrationsInGroup: [Int]
  /// Factor on the whole loss: 1, or 1 / micro-batches where a released form averages over them.
  public var share: Double
  /// Data-parallel workers; see ``Aggregation/weight(tokens:rowsInGroup:totals:workers:)``.
  public var workers: Double

  /// Sums over `rows`, the rows of one mini-batch.
  public init(rows: [RowShape], share: Double = 1, workers: Double = 1) {
    let groups = (rows.map(\.group).max() ?? -1) + 1
    rollouts = Totals()
    demonstrations = Totals()
    all = Totals()
    rolloutsInGroup = Array(repeating: 0, count: groups)
    demonstrationsInGroup = Array(repeating: 0, count: groups)
    self.share = share
    self.workers = workers
    for row in rows {
      precondition(row.group >= 0, "Normalizers: group \(row.group) is negative")
      switch row.kind {
      case .rollout:
        rollouts.add(row)
        rolloutsInGroup[row.group] += 1
      case .demonstration:
        demonstrations.add(row)
        demonstrationsInGroup[row.group] += 1
      }
      all.add(row)
    }
    let populated = (0..<groups).count { rolloutsInGroup[$0] + demonstrationsInGroup[$0] > 0 }
    rollouts.groups = Double(populated)
    demonstrations.groups = Double(populated)
    all.groups = Double(populated)
  }

  func totals(_ kind: RowKind) -> Totals { kind == .rollout ? rollouts : demonstrations }

  func rowsInGroup(_ kind: RowKind, _ group: Int) -> Int {
    kind == .rollout ? rolloutsInGroup[group] : demonstrationsInGroup[group]
  }
}

extension Normalizers.Totals {
  mutating func add(_ row: RowShape) {
    tokens += Double(row.trainedTokens)
    sequences += row.trainedTokens > 0 ? 1 : 0
    rows += 1
  }
}

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
  /// Counts among the rollouts: a rollout, or a demonstration that joins its group.
  public var isMember: Bool
  /// Counts among the demonstrations that are imitated.
  public var isImitated: Bool

  public init(
    kind: RowKind, group: Int, trainedTokens: Int, isMember: Bool, isImitated: Bool
  ) {
    self.kind = kind
    self.group = group
    self.trainedTokens = trainedTokens
    self.isMember = isMember
    self.isImitated = isImitated
  }

  /// A rollout, or a demonstration to imitate.
  public init(kind: RowKind, group: Int, trainedTokens: Int) {
    self.init(
      kind: kind, group: group, trainedTokens: trainedTokens, isMember: kind == .rollout,
      isImitated: kind == .demonstration)
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
    /// `P`: preference pairs.
    public var pairs: Double
    /// Rows, and valid tokens, of each group of the mini-batch.
    public var rowsInGroup: [Int]
    public var tokensInGroup: [Int]

    public init(
      tokens: Double = 0, sequences: Double = 0, rows: Double = 0, groups: Double = 0,
      pairs: Double = 0, rowsInGroup: [Int] = [], tokensInGroup: [Int] = []
    ) {
      self.tokens = tokens
      self.sequences = sequences
      self.rows = rows
      self.groups = groups
      self.pairs = pairs
      self.rowsInGroup = rowsInGroup
      self.tokensInGroup = tokensInGroup
    }
  }

  /// Over the rollouts and the demonstrations that join them.
  public var rollouts: Totals
  /// Over the demonstrations that are imitated.
  public var demonstrations: Totals
  /// Over all rows, each once.
  public var all: Totals
  /// Factor on the whole loss: 1, or 1 / micro-batches where a released form averages over them.
  public var share: Double
  /// Data-parallel workers; see ``Aggregation/weight(tokens:rowsInGroup:tokensInGroup:totals:workers:)``.
  public var workers: Double

  /// Sums over `rows`, the rows of one mini-batch.
  ///
  /// - Parameter pairs: preference pairs among them.
  public init(rows: [RowShape], pairs: Int = 0, share: Double = 1, workers: Double = 1) {
    let groups = (rows.map(\.group).max() ?? -1) + 1
    let zeros = Array(repeating: 0, count: groups)
    let empty = Totals(pairs: Double(pairs), rowsInGroup: zeros, tokensInGroup: zeros)
    rollouts = empty
    demonstrations = empty
    all = empty
    self.share = share
    self.workers = workers
    for row in rows {
      precondition(row.group >= 0, "Normalizers: group \(row.group) is negative")
      if row.isMember { rollouts.add(row) }
      if row.isImitated { demonstrations.add(row) }
      all.add(row)
    }
    let populated = Double(all.rowsInGroup.count { $0 > 0 })
    rollouts.groups = populated
    demonstrations.groups = populated
    all.groups = populated
  }

  func weight(of aggregation: Aggregation, totals: Totals, _ row: RowShape) -> Double {
    aggregation.weight(
      tokens: row.trainedTokens, rowsInGroup: totals.rowsInGroup[row.group],
      tokensInGroup: totals.tokensInGroup[row.group], totals: totals, workers: workers)
  }
}

extension Normalizers.Totals {
  mutating func add(_ row: RowShape) {
    tokens += Double(row.trainedTokens)
    sequences += row.trainedTokens > 0 ? 1 : 0
    rows += 1
    rowsInGroup[row.group] += 1
    tokensInGroup[row.group] += row.trainedTokens
  }
}

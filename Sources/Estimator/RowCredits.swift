/// Â, and the loss where it is not −Â·log π, of rows whose credit depends on the policy. Computed
/// once per micro-batch; no gradient flows through it.
struct RowCredits {
  /// Replaces the assembled Â of the row.
  var advantage: [Double?]
  /// The row's loss before its norm; nil: the sum of its tokens'.
  var loss: [Double?]

  init(_ algorithm: Algorithm, _ batch: TokenBatch) throws(EstimatorError) {
    advantage = Array(repeating: nil, count: batch.rows.count)
    loss = advantage
    let credit = algorithm.memberCredit
    switch credit.kind {
    case .advantage, .one, .entropySign, .entropyDecay: break
    case .implicitReward: try implicitRewards(credit, batch, algorithm)
    case .preference: try preferences(credit, batch, algorithm)
    }
  }

  /// `Σ_t (log π_θ − log π′)` of every row that takes part, over its trained tokens.
  private func logRatios(
    _ credit: Credit, _ batch: TokenBatch, _ algorithm: Algorithm
  ) throws(EstimatorError) -> [Double] {
    let other: [Double]
    switch credit.against {
    case .updateStart:
      other = try algorithm.required(batch.logProbabilityOld, .logProbabilityOld)
    case .anchor:
      other = try algorithm.required(batch.logProbabilityAnchor, .logProbabilityAnchor)
    case .rollout:
      other = try algorithm.required(batch.logProbabilityRollout, .logProbabilityRollout)
    }
    var sums: [Double] = []
    for row in batch.rows.indices {
      var sum = 0.0
      for token in batch.range(row) where batch.trained[token] {
        let difference = batch.logProbability[token] - other[token]
        guard difference.isFinite else {
          throw .notFinite(
            "log π − log π′", difference, row: row, token: token - batch.rowStarts[row])
        }
        sum += difference
      }
      sums.append(sum)
    }
    return sums
  }

  /// GVPO: zero-sum weights of the members of each group, whatever policy sampled them.
  private mutating func implicitRewards(
    _ credit: Credit, _ batch: TokenBatch, _ algorithm: Algorithm
  ) throws(EstimatorError) {
    let sums = try logRatios(credit, batch, algorithm)
    let groups = (batch.rows.map(\.group).max() ?? -1) + 1
    var members = [[Int]](repeating: [], count: groups)
    for row in batch.rows.indices where !batch.rows[row].isIdle && batch.rows[row].weight != 0 {
      members[batch.rows[row].group].append(row)
    }
    for rows in members where !rows.isEmpty {
      guard rows.count > 1 else {
        // A group of one has no centred weight.
        advantage[rows[0]] = 0
        loss[rows[0]] = 0
        continue
      }
      let count = Double(rows.count)
      let mean = rows.reduce(0) { $0 + credit.beta * sums[$1] } / count
      for row in rows {
        let reward = centredReward(row, batch)
        let weight = reward - (credit.beta * sums[row] - mean)
        advantage[row] = credit.beta * weight / (count - 1)
        loss[row] = 0.5 * weight * weight / (count - 1)
      }
      moveLosses(of: rows, batch)
    }
  }

  /// `R_i − R̄` as assembled; of numbers per token that of the first one that is trained.
  private func centredReward(_ row: Int, _ batch: TokenBatch) -> Double {
    switch batch.advantages {
    case .perRow(let values): values[row]
    case .perToken(let values):
      batch.range(row).first { batch.trained[$0] }.map { values[$0] } ?? 0
    }
  }

  /// A member that trains no token has a share in its group's loss all the same, and no norm to have
  /// it by: the first member that trains takes it over.
  private mutating func moveLosses(of rows: [Int], _ batch: TokenBatch) {
    let trains = rows.map { row in batch.range(row).contains { batch.trained[$0] } }
    guard let heir = trains.firstIndex(of: true) else { return }
    for (row, trains) in zip(rows, trains) where !trains {
      loss[rows[heir]] = (loss[rows[heir]] ?? 0) + (loss[row] ?? 0)
      loss[row] = 0
    }
  }

  /// DPO: every pair pulls its chosen row up and its rejected row down by the same weight. Its loss
  /// stands at the chosen row, or at the rejected one where the chosen trains no token.
  private mutating func preferences(
    _ credit: Credit, _ batch: TokenBatch, _ algorithm: Algorithm
  ) throws(EstimatorError) {
    let sums = try logRatios(credit, batch, algorithm)
    var pull = batch.rows.map { _ in 0.0 }
    var losses = pull
    for pair in batch.pairs {
      let margin = credit.beta * (sums[pair.chosen] - sums[pair.rejected])
      let smoothing = credit.labelSmoothing
      let weight =
        credit.beta * ((1 - smoothing) * logistic(-margin) - smoothing * logistic(margin))
      pull[pair.chosen] += weight
      pull[pair.rejected] -= weight
      let isEmpty = !batch.range(pair.chosen).contains { batch.trained[$0] }
      losses[isEmpty ? pair.rejected : pair.chosen] +=
        (1 - smoothing) * softplus(-margin) + smoothing * softplus(margin)
    }
    advantage = pull
    loss = losses
  }
}

/// `1 / (1 + exp(−x))`.
func logistic(_ x: Double) -> Double { 1 / (1 + exponential(-x)) }

/// `log(1 + exp(x))` without overflow.
func softplus(_ x: Double) -> Double {
  max(x, 0) + naturalLogarithm(1 + exponential(-abs(x)))
}

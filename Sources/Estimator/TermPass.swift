/// The pass of an algorithm's terms over the rows of one micro-batch: the loop that everything else
/// here is arranged for. What does not depend on the token is looked up once, before it.
struct TermPass {
  private let algorithm: Algorithm
  private let batch: TokenBatch
  private let normalizers: Normalizers
  private let credits: RowCredits
  private let rollouts: TermView
  private let offPolicy: TermView
  private let imitation: TermView

  init(
    _ algorithm: Algorithm, _ batch: TokenBatch, _ normalizers: Normalizers
  ) throws(EstimatorError) {
    self.algorithm = algorithm
    self.batch = batch
    self.normalizers = normalizers
    let rows = batch.rows
    let hasOffPolicy = rows.contains {
      ($0.kind == .demonstration && $0.weight != 0) || $0.prefix > 0
    }
    let hasImitation = rows.contains { $0.kind == .demonstration && $0.imitationWeight != 0 }
    credits = try RowCredits(algorithm, batch)
    rollouts = try TermView(
      algorithm.rollouts, algorithm, batch, isUsed: rows.contains { $0.kind == .rollout })
    offPolicy = try TermView(algorithm.offPolicy, algorithm, batch, isUsed: hasOffPolicy)
    imitation = try TermView(algorithm.imitation, algorithm, batch, isUsed: hasImitation)
  }

  /// Adds the row's terms.
  mutating func evaluate(
    _ row: Int, into evaluation: inout Evaluation
  ) throws(EstimatorError) {
    let one = batch.rows[row]
    guard (one.weight + one.imitationWeight).isFinite else {
      throw .notFinite(
        "the row's weight", one.weight + one.imitationWeight, row: row, token: 0)
    }
    let range = batch.range(row)
    switch one.kind {
    case .rollout:
      let split = min(range.upperBound, range.lowerBound + max(0, one.prefix))
      if split > range.lowerBound {
        try add(offPolicy, range.lowerBound..<split, row, weight: one.weight, &evaluation)
      }
      try add(rollouts, split..<range.upperBound, row, weight: one.weight, &evaluation)
    case .demonstration:
      if one.weight != 0 {
        try add(offPolicy, range, row, weight: one.weight, &evaluation)
      }
      if one.imitationWeight != 0 {
        try add(
          imitation, range, row, weight: one.imitationWeight, isImitation: true, &evaluation)
      }
    }
  }

  private mutating func add(
    _ view: TermView, _ range: Range<Int>, _ row: Int, weight: Double, isImitation: Bool = false,
    _ evaluation: inout Evaluation
  ) throws(EstimatorError) {
    let norm =
      weight * view.term.weight * normalizers.share
      * normalizers.weight(
        of: view.term.aggregation,
        totals: isImitation ? normalizers.demonstrations : normalizers.rollouts, batch.shape(row))
    guard norm.isFinite else { throw .notFinite("the row's normaliser", norm, row: row, token: 0) }
    var segment = Segment(
      range: range, row: row, norm: norm,
      advantage: isImitation ? 1 : rowAdvantage(row),
      // A row with two terms shows the first of them part by part, the other as its sum.
      isSecond: isImitation && batch.rows[row].weight != 0)
    segment.credit = try credit(of: view.term.credit, row, isImitation: isImitation)
    let sums = view.add(segment, batch, &evaluation)
    if let bad = sums.bad { throw located(bad, row: row) }
    let loss = norm * (replacedLoss(view.term.credit, row) ?? sums.loss)
    if isImitation {
      evaluation.terms.imitation += loss
      evaluation.diagnostics.demonstrationTokens += sums.tokens
      evaluation.diagnostics.demonstrationSurprisalSum += sums.surprisal
    } else if batch.rows[row].kind == .rollout {
      evaluation.terms.policy += loss
      evaluation.diagnostics.add(sums, rolloutReference: view.term.reference)
    } else {
      evaluation.terms.offPolicy += loss
      evaluation.diagnostics.offPolicyTokens += sums.tokens
      evaluation.diagnostics.offPolicyRatioSum += sums.ratio
    }
  }

  private func rowAdvantage(_ row: Int) -> Double? {
    if case .perRow(let values) = batch.advantages { return values[row] }
    return nil
  }

  private func replacedLoss(_ credit: Credit, _ row: Int) -> Double? {
    credit.comparesPolicies ? credits.loss[row] : nil
  }

  /// Â of the row where it is not the assembled one.
  private func credit(
    of credit: Credit, _ row: Int, isImitation: Bool
  ) throws(EstimatorError) -> Double? {
    switch credit.kind {
    case .advantage: return isImitation ? 1 : nil
    case .one: return 1
    case .implicitReward, .preference: return credits.advantage[row] ?? 0
    case .entropySign, .entropyDecay:
      guard !batch.rows[row].isIdle else { return 0 }
      return credit.weight(
        meanEntropy: try meanEntropy(row), isSolved: Gate.isSolved(batch.rows[row].reward))
    }
  }

  private func meanEntropy(_ row: Int) throws(EstimatorError) -> Double {
    let entropy = try algorithm.required(batch.entropy, .entropy)
    var (sum, count) = (0.0, 0.0)
    for token in batch.range(row) where batch.trained[token] {
      sum += entropy[token]
      count += 1
    }
    guard sum.isFinite else { throw .notFinite("the row's entropy", sum, row: row, token: 0) }
    return count == 0 ? 0 : sum / count
  }

  private func located(_ token: Int, row: Int) -> EstimatorError {
    let advantage = batch.advantages.at(token: token, row: row)
    let position = token - batch.rowStarts[row]
    let logProbability = batch.logProbability[token]
    if !logProbability.isFinite {
      return .notFinite("the log-probability", logProbability, row: row, token: position)
    }
    if !advantage.isFinite { return .notFinite("Â", advantage, row: row, token: position) }
    return .notFinite(
      "the ratio to the reference policy, or the weight that it makes,", .infinity, row: row,
      token: position)
  }
}

/// A run of tokens of one row under one term.
struct Segment {
  var range: Range<Int>
  var row: Int
  var norm: Double
  /// The assembled Â of the row; nil: one per token.
  var advantage: Double?
  var isSecond: Bool
  /// Â that replaces the assembled one.
  var credit: Double?
}

/// What a pass over one segment adds up.
struct RowSums {
  var loss = 0.0
  var surprisal = 0.0
  var ratio = 0.0
  var largest = 0.0
  var logRatio = 0.0
  var tokens = 0
  var masked = 0
  var clipped = 0
  var dualClipped = 0
  /// The first token with a number that is not finite.
  var bad: Int?

  func stopped(at token: Int) -> RowSums {
    var stopped = self
    stopped.bad = token
    return stopped
  }
}

import Estimator
import Records
import Stages

/// What an algorithm made of the steps so far: sums, from which ``AlgorithmSummary`` is formed.
struct AlgorithmTally: Sendable {
  private(set) var fates: [GroupFate: Int] = [:]
  private(set) var dropReasons: [String: Int] = [:]
  private(set) var shortSteps = 0
  private(set) var unscoredRows = 0
  private(set) var weights = WeightSums()
  private(set) var diagnostics = Diagnostics()
  private(set) var terms = LossTerms()

  mutating func add(_ prepared: PreparedStep) {
    for index in prepared.decisions.indices {
      fates[prepared.fate(index), default: 0] += 1
      guard let reason = prepared.drops[index] else { continue }
      // What follows a colon tells one group from another.
      dropReasons[String(reason.prefix { $0 != ":" }), default: 0] += 1
    }
    shortSteps += prepared.isShort ? 1 : 0
    unscoredRows += prepared.batch?.unscoredRows ?? 0
  }

  mutating func add(_ sums: WeightSums) { weights.add(sums) }

  mutating func add(_ evaluation: EvaluatedPart) {
    diagnostics.add(evaluation.diagnostics)
    terms.add(evaluation.terms)
    weights.add(evaluation.sums)
  }
}

/// Sums over tokens that carry a loss.
struct WeightSums: Sendable, Equatable {
  var tokens = 0
  /// Whose weight is not 0.
  var effectiveTokens = 0
  var absolute = 0.0
  var squares = 0.0
  /// Tokens of rollouts and of demonstrations that joined their group, and their Â.
  var creditedTokens = 0
  var advantages = 0.0
  var squaredAdvantages = 0.0

  mutating func add(_ other: WeightSums) {
    tokens += other.tokens
    effectiveTokens += other.effectiveTokens
    absolute += other.absolute
    squares += other.squares
    creditedTokens += other.creditedTokens
    advantages += other.advantages
    squaredAdvantages += other.squaredAdvantages
  }
}

/// One micro-batch, evaluated: the weights of its rows, and what they add up to.
struct EvaluatedPart: Sendable {
  /// `weight_t = −dL/dlog π_t`, flat over the rows.
  var weights: [Double]
  /// Only where asked for.
  var parts: TokenParts?
  var diagnostics: Diagnostics
  var terms: LossTerms
  var sums: WeightSums
}

extension PreparedBatch {
  /// Evaluates a micro-batch and counts it.
  func part(_ microBatch: Int, keepingParts: Bool) throws -> EvaluatedPart {
    // Where Â depends on the policy, only the estimator knows it.
    let hasOwnCredit =
      algorithm.rollouts.credit.kind != .advantage || algorithm.offPolicy.credit.kind != .advantage
    let evaluation = try evaluate(microBatch, recordingParts: keepingParts || hasOwnCredit)
    var weights = evaluation.gradLogProbability
    for index in weights.indices { weights[index] = 0 - weights[index] }
    return EvaluatedPart(
      weights: weights, parts: keepingParts ? evaluation.parts : nil,
      diagnostics: evaluation.diagnostics, terms: evaluation.terms,
      sums: sums(microBatch, weights, hasOwnCredit ? evaluation.parts?.advantage : nil))
  }

  private func sums(
    _ microBatch: Int, _ weights: [Double], _ advantages: [Double]?
  ) -> WeightSums {
    var sums = WeightSums()
    var start = 0
    for group in groups[layout.groups[microBatch]] {
      var offset = 0
      for (row, trajectory) in zip(group.loss.rows, group.trajectories) {
        let count = trajectory.tokens.count
        let isCredited =
          !row.isIdle && (row.source.place.kind == .rollout || group.loss.offPolicyWeight != 0)
        let perToken = row.advantages.count == count
        let fixed = row.advantages.first ?? 0
        for token in 0..<count where group.trained[offset + token] {
          let weight = weights[start + offset + token]
          sums.tokens += 1
          sums.effectiveTokens += weight == 0 ? 0 : 1
          sums.absolute += abs(weight)
          sums.squares += weight * weight
          guard isCredited else { continue }
          let advantage =
            advantages?[start + offset + token] ?? (perToken ? row.advantages[token] : fixed)
          sums.creditedTokens += 1
          sums.advantages += advantage
          sums.squaredAdvantages += advantage * advantage
        }
        offset += count
      }
      start += offset
    }
    return sums
  }

  /// Lays the weights of the micro-batches out over the step's tokens.
  func laidOut(_ parts: [EvaluatedPart], over tokens: TokenPlaces) -> [Double] {
    var vector = Array(repeating: 0.0, count: tokens.count)
    for (range, part) in zip(layout.groups, parts) {
      var next = 0
      for index in range {
        for (row, trajectory) in zip(groups[index].loss.rows, groups[index].trajectories) {
          let count = trajectory.tokens.count
          if let start = tokens.start(group: places[index], row.source.place) {
            vector.replaceSubrange(start..<start + count, with: part.weights[next..<next + count])
          }
          next += count
        }
      }
    }
    return vector
  }
}

import Estimator

/// Mean and spread of an algorithm's gradient estimate over the groups that a policy can draw.
public struct GradientMoments: Sendable {
  /// `E[ĝ]`.
  public var mean: [Double]
  /// `E|ĝ − E[ĝ]|²`.
  public var variance: Double
  /// Of the mean, as the norm of a vector: `√(variance / draws)`; 0 where the sum is exact.
  public var standardError: Double

  /// Over batches of one group of each question, every group evaluated by itself (micro-batches of
  /// one group): the estimate is the mean over the questions, and exact.
  ///
  /// - Parameters:
  ///   - start: draws the groups, and is the policy at the start of the step.
  ///   - current: the policy whose gradient is estimated.
  static func exact(
    _ algorithm: Algorithm, size: Int, start: TabularPolicy, current: TabularPolicy
  ) throws(EstimatorError) -> GradientMoments {
    let questions = start.space.questions.count
    let share = 1 / Double(questions)
    var mean = Array(repeating: 0.0, count: current.logits.count)
    var variance = 0.0
    for question in 0..<questions {
      var own = Array(repeating: 0.0, count: mean.count)
      var squares = 0.0
      try GroupEnumeration.forEach(
        size: size, probabilities: start.probabilities(question)
      ) { (rollouts, probability) throws(EstimatorError) in
        var memory = LaboratoryMemory()
        let step = try LaboratoryStep(
          algorithm, groups: [GroupDraw(question: question, rollouts: rollouts)], start: start,
          memory: &memory)
        let gradient = try step.ascent(at: current)
        Vector.add(gradient, factor: probability, to: &own)
        squares += probability * Vector.dot(gradient, gradient)
      }
      Vector.add(own, factor: share, to: &mean)
      variance += share * share * (squares - Vector.dot(own, own))
    }
    return GradientMoments(mean: mean, variance: variance, standardError: 0)
  }

  /// Over seeded batches of one group of each question, evaluated together: for what looks across
  /// groups.
  ///
  /// - Parameter memory: what the algorithm carries, the same for every draw.
  static func sampled(
    _ algorithm: Algorithm, size: Int, start: TabularPolicy, current: TabularPolicy, draws: Int,
    seed: UInt64, memory: LaboratoryMemory = LaboratoryMemory()
  ) throws(EstimatorError) -> GradientMoments {
    let sampler = GroupSampler(seed: seed)
    let probabilities = start.space.questions.indices.map(start.probabilities)
    var mean = Array(repeating: 0.0, count: current.logits.count)
    var squares = 0.0
    for draw in 0..<draws {
      let groups = probabilities.indices.map {
        sampler.group($0, size: size, key: UInt64(draw), probabilities: probabilities[$0])
      }
      var own = memory
      let step = try LaboratoryStep(
        algorithm, groups: groups, start: start, step: UInt64(draw), seed: seed, memory: &own)
      let gradient = try step.ascent(at: current)
      Vector.add(gradient, factor: 1 / Double(draws), to: &mean)
      squares += Vector.dot(gradient, gradient) / Double(draws)
    }
    let variance = max(0, squares - Vector.dot(mean, mean))
    return GradientMoments(
      mean: mean, variance: variance, standardError: (variance / Double(draws)).squareRoot())
  }

  /// Between `E[ĝ]` and `truth`.
  func cosine(_ truth: [Double]) -> Double { Vector.cosine(mean, truth) }

  /// `min_s |s·E[ĝ] − truth| / |truth|`: what no learning rate can mend.
  func bias(_ truth: [Double]) -> Double {
    let own = Vector.dot(mean, mean)
    let scale = own > 0 ? Vector.dot(mean, truth) / own : 0
    let rest = zip(mean, truth).map { scale * $0 - $1 }
    return Vector.norm(rest) / Vector.norm(truth)
  }

  /// `√variance / |E[ĝ]|`: how many times the signal the noise of one batch is.
  var noise: Double {
    let norm = Vector.norm(mean)
    return norm > 0 ? variance.squareRoot() / norm : .infinity
  }
}

public import Estimator
import Foundation

/// `∇J_μ` of `J_μ(θ) = E[r] − μ·KL(π_demo ‖ π_θ)` is the RL term plus μ times the SFT term
/// (arXiv 2509.04419): both terms as the estimator gives them, summed over all groups with their
/// probabilities, against central differences of the objective itself.
public struct CommonObjective: Experiment {
  public static let name = "objective"
  public static let summary = "the gradient of E[r] − μ·KL(π_demo‖π) is the RL term plus μ × SFT"

  public struct Row: Sendable {
    public var mu: Double
    /// Norms of `∇E[r]`, `−∇KL` and `∇J_μ`, by central differences.
    public var rewardNorm: Double
    public var imitationNorm: Double
    public var norm: Double
    /// Largest difference, over the logits, between ∇J_μ by central differences and:
    /// RL and SFT terms of one algorithm, whose gate gives (α, β) = (1, μ) to every group;
    public var jointError: Double
    /// the RL term alone plus μ times the SFT term alone;
    public var sumError: Double
    /// one REINFORCE term with `Â_uni = r + μ·π_demo/π_θ`.
    public var unifiedError: Double
  }

  public let rows: [Row]
  /// Cosine of ∇J_μ with the RL term and with the SFT term, at μ = 0, 0.05, … 3.
  public let cosines: [(reward: Double, imitation: Double)]

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    let space = TabularSpace.three
    let policy = try TabularPolicy.random(space, seed: settings.seed, spread: 1)
    let rewardSlope = try Self.slope(policy) { $0.meanReward }
    let klSlope = try Self.slope(policy) { -Self.divergence($0) }
    let reinforced = try Self.expectation(Self.algorithm(1, 0), policy, Self.pairs(policy))
    let imitated = try Self.expectation(Self.algorithm(0, 1), policy, Self.pairs(policy))
    cosines = (0...60).map { point in
      let sum = zip(reinforced, imitated).map { $0 + 0.05 * Double(point) * $1 }
      return (Vector.cosine(sum, reinforced), Vector.cosine(sum, imitated))
    }
    var rows: [Row] = []
    for mu in [0, 0.1, 0.5, 1, 2, 10] {
      let slope = try Self.slope(policy) { $0.meanReward - mu * Self.divergence($0) }
      let joint = try Self.expectation(Self.algorithm(1, mu), policy, Self.pairs(policy))
      let unified = try Self.expectation(
        Self.algorithm(1, 0), policy, Self.unified(policy, mu: mu))
      let sum = zip(reinforced, imitated).map { $0 + mu * $1 }
      rows.append(
        Row(
          mu: mu, rewardNorm: Vector.norm(rewardSlope), imitationNorm: Vector.norm(klSlope),
          norm: Vector.norm(slope), jointError: Vector.largestDifference(joint, slope),
          sumError: Vector.largestDifference(sum, slope),
          unifiedError: Vector.largestDifference(unified, slope)))
    }
    self.rows = rows
  }

  public var report: LaboratoryReport {
    var table = LaboratoryTable(
      "∇J_μ by central differences, and how far the estimator's expectation is from it",
      ["μ", "|∇E[r]|", "|∇KL|", "|∇J_μ|", "(α, β) = (1, μ)", "RL + μ·SFT", "Â = r + μ·π_demo/π"])
    for row in rows {
      table.add([
        .number(row.mu), .number(row.rewardNorm), .number(row.imitationNorm), .number(row.norm),
        .small(row.jointError), .small(row.sumError), .small(row.unifiedError),
      ])
    }
    let worst = rows.reduce(0) { max($0, $1.jointError, $1.sumError, $1.unifiedError) }
    let agrees = worst < 1e-8
    return LaboratoryReport(
      experiment: Self.name,
      finding:
        "The three ways of writing ∇J_μ \(agrees ? "are the same vector" : "DIFFER") "
        + "\(agrees ? "to the error of the differences" : "by more than the differences' error").",
      tables: [table],
      charts: [
        LaboratoryChart(
          "Cosine of ∇J_μ with its two terms", label: "μ / 0.05",
          [
            .init("RL", cosines.map(\.reward)), .init("SFT", cosines.map(\.imitation)),
          ])
      ])
  }

  // MARK: Parts

  /// RL and SFT with token sums per response, so that both are gradients of expectations over whole
  /// responses.
  static func algorithm(_ alpha: Double, _ beta: Double) -> Algorithm {
    Algorithm(
      name: "common objective",
      gate: Gate(
        .join, rolloutWeight: alpha, offPolicyWeight: 0, demonstrationWeight: beta),
      advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(reference: .current, aggregation: .groupMeanTokenSum),
      imitation: .imitation(.groupMeanTokenSum))
  }

  /// Every group of one rollout and one demonstration, with its probability.
  static func pairs(_ policy: TabularPolicy) -> [GroupDraw] {
    let questions = policy.space.questions
    return questions.indices.flatMap { question in
      let demonstration = questions[question].demonstration ?? []
      let probabilities = policy.probabilities(question)
      return probabilities.indices.flatMap { rollout in
        demonstration.indices.map { given in
          GroupDraw(
            question: question, rollouts: [rollout], demonstration: given,
            weight: probabilities[rollout] * demonstration[given] / Double(questions.count))
        }
      }
    }
  }

  /// Every rollout with its probability, and `r + μ·π_demo/π_θ` for its reward.
  static func unified(_ policy: TabularPolicy, mu: Double) -> [GroupDraw] {
    let questions = policy.space.questions
    return questions.indices.flatMap { question in
      let demonstration = questions[question].demonstration ?? []
      return policy.probabilities(question).enumerated().map { rollout, probability in
        let reward =
          questions[question].rewards[rollout] + mu * demonstration[rollout] / probability
        return GroupDraw(
          question: question, rollouts: [rollout],
          weight: probability / Double(questions.count), rewards: [reward])
      }
    }
  }

  /// The weighted sum over `groups`: their means over groups are undone.
  static func expectation(
    _ algorithm: Algorithm, _ policy: TabularPolicy, _ groups: [GroupDraw]
  ) throws(EstimatorError) -> [Double] {
    var memory = LaboratoryMemory()
    let step = try LaboratoryStep(algorithm, groups: groups, start: policy, memory: &memory)
    return try step.ascent(at: policy).map { $0 * Double(groups.count) }
  }

  /// `KL(π_demo ‖ π_θ)`, averaged over the questions.
  static func divergence(_ policy: TabularPolicy) -> Double {
    var sum = 0.0
    for (question, content) in policy.space.questions.enumerated() {
      for (response, share) in (content.demonstration ?? []).enumerated() where share > 0 {
        sum += share * (log(share) - policy.logProbability(question, response))
      }
    }
    return sum / Double(policy.space.questions.count)
  }

  /// Central differences with h = 1e-5.
  static func slope(
    _ policy: TabularPolicy, of objective: (TabularPolicy) -> Double
  ) throws(EstimatorError) -> [Double] {
    var slope = Array(repeating: 0.0, count: policy.logits.count)
    for index in slope.indices {
      var direction = Array(repeating: 0.0, count: slope.count)
      direction[index] = 1
      let above = objective(try policy.moved(direction, by: 1e-5))
      let below = objective(try policy.moved(direction, by: -1e-5))
      slope[index] = (above - below) / 2e-5
    }
    return slope
  }
}

public import Estimator
import Foundation

/// GVPO's unique optimum is the solution of KL-constrained reward maximisation,
/// `π* = π′·exp(r/β)/Z`, whatever policy sampled (arXiv 2504.19599): trained by gradient descent on
/// the exact expected loss from several starts and with several samplers, one of which leaves a
/// response out.
public struct UniqueOptimum: Experiment {
  public static let name = "gvpo"
  public static let summary = "GVPO's optimum is π′·exp(r/β)/Z, whatever policy sampled"

  /// Who draws the pairs of responses.
  public enum Sampler: String, Sendable, CaseIterable {
    case current = "π_θ itself"
    case anchor = "π′"
    case uniform = "uniform"
    case demonstrations = "π_demo alone"
    case mixed = "π_θ and π_demo, one each"
    /// π_demo without one response of each question: the condition on the support does not hold.
    case gap = "π_demo with a gap"

    public var hasFullSupport: Bool { self != .gap }
  }

  public struct Row: Sendable {
    public var sampler: Sampler
    /// Total variation distance from the closed form, averaged over the questions: of the worst
    /// start at the beginning, and after training.
    public var before: Double
    public var after: Double
    /// Largest distance between the policies reached from two starts.
    public var spread: Double
    /// From the first start, every 10 steps.
    public var curve: [Double]
  }

  public let rows: [Row]

  static let beta = 0.5
  static let starts = 3
  static let steps = 1000
  static let stride = 10

  public init(_ settings: LaboratorySettings) throws(EstimatorError) {
    let space = TabularSpace.three
    let prior = try TabularPolicy.random(space, seed: settings.seed, spread: 1)
    let optimum = Self.closedForm(prior)
    var rows: [Row] = []
    for sampler in Sampler.allCases {
      var row = Row(sampler: sampler, before: 0, after: 0, spread: 0, curve: [])
      var reached: [TabularPolicy] = []
      for start in 0..<Self.starts {
        // The first start is π′, as in training; the others know nothing of it.
        var policy =
          start == 0
          ? prior
          : try TabularPolicy.random(space, seed: settings.seed &+ UInt64(start), spread: 2)
        row.before = max(row.before, Self.distance(policy, optimum))
        let curve = try Self.train(&policy, prior: prior, sampler: sampler, optimum: optimum)
        if start == 0 { row.curve = curve }
        row.after = max(row.after, Self.distance(policy, optimum))
        for other in reached {
          row.spread = max(
            row.spread,
            Self.distance(policy, space.questions.indices.map(other.probabilities)))
        }
        reached.append(policy)
      }
      rows.append(row)
    }
    self.rows = rows
  }

  public var report: LaboratoryReport {
    var table = LaboratoryTable(
      "Distance from π′·exp(r/β)/Z (total variation, worst of \(Self.starts) starts), "
        + "β = \(Self.beta), \(Self.steps) steps",
      ["responses drawn from", "before", "after", "between starts"])
    for row in rows {
      table.add([
        .text(row.sampler.rawValue), .number(row.before), .small(row.after), .small(row.spread),
      ])
    }
    let reached = rows.filter(\.sampler.hasFullSupport).allSatisfy { $0.after < 1e-3 }
    let shown: [Sampler] = [.current, .demonstrations, .gap]
    return LaboratoryReport(
      experiment: Self.name,
      finding: "Every sampler with full support \(reached ? "ends" : "DOES NOT END") at the closed "
        + "form from every start; one that never draws a response that π′ can give does not.",
      tables: [table],
      charts: [
        LaboratoryChart(
          "Total variation distance from the closed form", label: "steps / \(Self.stride)",
          rows.filter { shown.contains($0.sampler) }.map { .init($0.sampler.rawValue, $0.curve) })
      ])
  }

  // MARK: Parts

  /// `π′(y)·exp(r(y)/β) / Z` of every question.
  static func closedForm(_ prior: TabularPolicy) -> [[Double]] {
    prior.space.questions.indices.map { question in
      let rewards = prior.space.questions[question].rewards
      let masses = zip(prior.probabilities(question), rewards).map { $0 * exp($1 / beta) }
      let sum = masses.reduce(0, +)
      return masses.map { $0 / sum }
    }
  }

  /// Total variation, averaged over the questions.
  static func distance(_ policy: TabularPolicy, _ other: [[Double]]) -> Double {
    let sum = other.indices.reduce(0.0) { sum, question in
      sum
        + zip(policy.probabilities(question), other[question]).reduce(0) {
          $0 + abs($1.0 - $1.1) / 2
        }
    }
    return sum / Double(other.count)
  }

  private static func train(
    _ policy: inout TabularPolicy, prior: TabularPolicy, sampler: Sampler, optimum: [[Double]]
  ) throws(EstimatorError) -> [Double] {
    var algorithm = try Algorithm.laboratory("gvpo", .paper, in: policy.space)
    algorithm.rollouts.credit.beta = beta
    algorithm.offPolicy.credit.beta = beta
    if sampler == .mixed { algorithm.gate = Gate(.join, demonstrationWeight: 0) }
    var curve: [Double] = []
    // π′ is the policy at the start of the step in the published runs; here it stands still.
    for step in 0..<steps {
      if step % stride == 0 { curve.append(distance(policy, optimum)) }
      let groups = groups(sampler, policy, prior)
      var memory = LaboratoryMemory()
      let loss = try LaboratoryStep(algorithm, groups: groups, start: prior, memory: &memory)
      // The mean over all groups is undone: each has its probability.
      let rate = 8 * Double(groups.count) / Double(policy.space.questions.count)
      policy = try policy.moved(try loss.ascent(at: policy), by: rate)
    }
    return curve
  }

  /// All pairs of responses that the sampler can draw, with their probabilities.
  private static func groups(
    _ sampler: Sampler, _ policy: TabularPolicy, _ prior: TabularPolicy
  ) -> [GroupDraw] {
    var groups: [GroupDraw] = []
    for (question, content) in policy.space.questions.enumerated() {
      let count = content.responses.count
      var given = content.demonstration ?? []
      if sampler == .mixed {
        let own = policy.probabilities(question)
        for rollout in own.indices {
          for demonstration in given.indices {
            groups.append(
              GroupDraw(
                question: question, rollouts: [rollout], demonstration: demonstration,
                weight: own[rollout] * given[demonstration]))
          }
        }
        continue
      }
      let probabilities: [Double]
      switch sampler {
      case .current: probabilities = policy.probabilities(question)
      case .anchor: probabilities = prior.probabilities(question)
      case .uniform: probabilities = Array(repeating: 1 / Double(count), count: count)
      case .demonstrations, .mixed: probabilities = given
      case .gap:
        given[0] = 0
        let sum = given.reduce(0, +)
        probabilities = given.map { $0 / sum }
      }
      GroupEnumeration.forEach(size: 2, probabilities: probabilities) { rollouts, probability in
        groups.append(
          GroupDraw(question: question, rollouts: rollouts, weight: probability))
      }
    }
    return groups
  }
}

public import Estimator

/// Trains a tabular policy: groups drawn from the policy at the start of each step, decided and
/// assembled once, and worked off in several updates by AdamW without decay.
public struct TabularTraining: Sendable {
  public struct Settings: Sendable {
    /// Rollouts per group; every step has one group of each question.
    public var size = 8
    /// Updates on each step's batch, all of them on the whole batch.
    public var updates = 1
    public var learningRate = 0.05
    public var seed: UInt64 = 1

    public init() {}
  }

  private let algorithm: Algorithm
  private let settings: Settings
  private let sampler: GroupSampler
  /// Of a KL penalty: the policy that training began with.
  private let anchor: TabularPolicy
  private var memory = LaboratoryMemory()
  private var optimizer: AdamW
  public private(set) var policy: TabularPolicy
  public private(set) var steps: UInt64 = 0
  /// Over all steps.
  public private(set) var diagnostics = Diagnostics()
  /// Groups decided so far, and those of them that were imitated or dropped.
  public private(set) var groups = 0
  public private(set) var imitated = 0
  public private(set) var dropped = 0

  public init(_ algorithm: Algorithm, from policy: TabularPolicy, _ settings: Settings) {
    self.algorithm = algorithm
    self.settings = settings
    self.policy = policy
    anchor = policy
    sampler = GroupSampler(seed: settings.seed)
    optimizer = AdamW(count: policy.logits.count, weightDecay: 0)
  }

  public mutating func step() throws(EstimatorError) {
    let questions = policy.space.questions
    let draws = questions.indices.map { question in
      sampler.group(
        question, size: settings.size, key: steps, probabilities: policy.probabilities(question),
        demonstration: questions[question].demonstration)
    }
    let step = try LaboratoryStep(
      algorithm, groups: draws, start: policy, anchor: anchor, step: steps, seed: settings.seed,
      memory: &memory)
    steps += 1
    groups += draws.count
    dropped += step.dropped
    imitated += step.decisions.count { $0.demonstration == .imitated && $0.kept.isEmpty }
    guard !step.isEmpty else { return }
    for _ in 0..<settings.updates {
      let evaluation = try step.evaluate(at: policy)
      diagnostics.add(evaluation.diagnostics)
      var logits = policy.logits
      let gradient = step.ascent(of: evaluation, at: policy).map { -$0 }
      _ = try optimizer.update(
        &logits, gradient: gradient, learningRate: settings.learningRate)
      policy = try TabularPolicy(policy.space, logits: logits)
    }
  }
}

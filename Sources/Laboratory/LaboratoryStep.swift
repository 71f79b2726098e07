public import Estimator

/// What gate and estimate carry from step to step.
public struct LaboratoryMemory: Sendable, Equatable {
  public var gate: [Double] = []
  public var advantage: [Double] = []

  public init() {}
}

/// One step of an algorithm over drawn groups, decided and assembled by the parts that train models:
/// `Gate.decide`, `RewardShaper`, `Algorithm.assemble`, its normalisers and `evaluate`. Only the
/// policy is a table.
public struct LaboratoryStep: Sendable {
  private let algorithm: Algorithm
  private let seed: UInt64
  private var batch: TokenBatch
  /// Of every token of the batch.
  private var choices: [TabularSpace.Choice] = []
  /// Groups that the gate dropped.
  public private(set) var dropped = 0
  public private(set) var decisions: [GateDecision] = []

  /// - Parameters:
  ///   - start: the policy at the start of the step. It need not have drawn the groups.
  ///   - anchor: of a KL penalty, and π′ where that is an anchor; nil: `start`.
  /// - Throws: what gate, shaping and assembly throw.
  public init(
    _ algorithm: Algorithm, groups: [GroupDraw], start: TabularPolicy,
    anchor: TabularPolicy? = nil, step: UInt64 = 0, seed: UInt64 = 0,
    memory: inout LaboratoryMemory
  ) throws(EstimatorError) {
    self.algorithm = algorithm
    self.seed = seed
    let values = algorithm.advantage.needsValues ? start.values : []
    let shaper = try RewardShaper(algorithm.reward)
    var builder = RowBuilder(algorithm: algorithm, space: start.space, values: values)
    for (index, draw) in groups.enumerated() {
      let input = builder.input(draw, step: step, group: UInt64(index))
      let decision = try algorithm.gate.decide(input, memory: &memory.gate)
      decisions.append(decision)
      guard decision.drop == nil else {
        dropped += 1
        continue
      }
      try builder.add(draw, input, decision, shaper)
    }
    let assembled = try algorithm.assemble(
      builder.groups, seed: seed, step: step, memory: &memory.advantage)
    choices = builder.choices
    batch = builder.batch(assembled)
    let anchor = anchor ?? start
    batch.logProbabilityOld = choices.map { start.logProbabilities[$0.logit] }
    batch.logProbabilityRollout = batch.logProbabilityOld
    batch.logProbabilityAnchor = choices.map { anchor.logProbabilities[$0.logit] }
  }

  /// Nothing trains: every group was dropped.
  public var isEmpty: Bool { batch.rows.isEmpty }

  /// What the algorithm makes of the batch when the policy is `policy`.
  public func evaluate(at policy: TabularPolicy) throws(EstimatorError) -> Evaluation {
    var batch = batch
    batch.logProbability = choices.map { policy.logProbabilities[$0.logit] }
    batch.entropy = choices.map { policy.entropies[$0.state] }
    return try algorithm.evaluate(batch, seed: seed)
  }

  /// `−dL/dz`, the direction in which plain gradient descent moves the logits of `policy`.
  public func ascent(at policy: TabularPolicy) throws(EstimatorError) -> [Double] {
    guard !isEmpty else { return Array(repeating: 0, count: policy.logits.count) }
    return ascent(of: try evaluate(at: policy), at: policy)
  }

  /// The chain rule from tokens to logits.
  func ascent(of evaluation: Evaluation, at policy: TabularPolicy) -> [Double] {
    var gradient = Array(repeating: 0.0, count: policy.logits.count)
    for (token, choice) in choices.enumerated() {
      let pull = -evaluation.gradLogProbability[token]
      if pull != 0 { policy.addGradient(choice, factor: pull, to: &gradient) }
    }
    for token in evaluation.gradEntropy.indices where evaluation.gradEntropy[token] != 0 {
      policy.addEntropyGradient(
        choices[token].state, factor: -evaluation.gradEntropy[token], to: &gradient)
    }
    return gradient
  }
}

/// Turns decided groups into the rows that assembly and evaluation read.
private struct RowBuilder {
  let algorithm: Algorithm
  let space: TabularSpace
  /// Of a critic, per state; empty without one.
  let values: [Double]
  var groups: [AssemblyGroup] = []
  var choices: [TabularSpace.Choice] = []
  private var rows: [TokenBatch.Row] = []
  private var starts = [0]
  private var pairs: [PreferencePair] = []

  init(algorithm: Algorithm, space: TabularSpace, values: [Double]) {
    self.algorithm = algorithm
    self.space = space
    self.values = values
  }

  func input(_ draw: GroupDraw, step: UInt64, group: UInt64) -> GateInput {
    let rewards =
      draw.rewards ?? draw.rollouts.map { space.questions[draw.question].rewards[$0] }
    let rollouts = zip(draw.rollouts, rewards).map { response, reward in
      GateRollout(reward: reward, tokens: space.length(draw.question, response))
    }
    return GateInput(
      step: step, rollouts: rollouts, demonstrations: draw.demonstration == nil ? 0 : 1,
      group: group)
  }

  mutating func add(
    _ draw: GroupDraw, _ input: GateInput, _ decision: GateDecision, _ shaper: RewardShaper
  ) throws(EstimatorError) {
    let first = rows.count
    let group = groups.count
    var members: [AssemblyRow] = []
    for index in (decision.kept + decision.idle).sorted() {
      let rollout = input.rollouts[index]
      let isIdle = decision.idle.contains(index)
      members.append(
        AssemblyRow(
          standing: isIdle ? .idle : .member,
          reward: try shaper.shaped(rollout, location: "question \(draw.question)"),
          tokens: rollout.tokens, values: values(draw, draw.rollouts[index])))
      append(
        draw, draw.rollouts[index],
        TokenBatch.Row(
          kind: .rollout, group: group, weight: decision.rolloutWeight * draw.weight,
          reward: rollout.reward, isIdle: isIdle))
    }
    if let response = draw.demonstration, decision.demonstration != .unused {
      let reward = space.questions[draw.question].rewards[response]
      members.append(
        AssemblyRow(
          kind: .demonstration,
          standing: decision.demonstration == .imitated ? .imitated : .member, reward: reward,
          tokens: space.length(draw.question, response), values: values(draw, response)))
      append(
        draw, response,
        TokenBatch.Row(
          kind: .demonstration, group: group, weight: decision.offPolicyWeight * draw.weight,
          imitationWeight: decision.demonstrationWeight * draw.weight, reward: reward))
    }
    if algorithm.advantage.kind == .preference {
      pairs += algorithm.pairing.pairs(members.map(\.reward)).map {
        PreferencePair(chosen: first + $0.chosen, rejected: first + $0.rejected)
      }
    }
    groups.append(AssemblyGroup(id: input.group, rows: members))
  }

  private func values(_ draw: GroupDraw, _ response: Int) -> [Double] {
    values.isEmpty ? [] : space.choices[draw.question][response].map { values[$0.state] }
  }

  private mutating func append(_ draw: GroupDraw, _ response: Int, _ row: TokenBatch.Row) {
    rows.append(row)
    choices += space.choices[draw.question][response]
    starts.append(choices.count)
  }

  /// The batch without log-probabilities.
  func batch(_ assembled: [AssembledGroup]) -> TokenBatch {
    let results = assembled.flatMap(\.rows)
    let advantages: TokenBatch.Advantages
    if results.contains(where: { $0.advantages.count > 1 }) {
      var perToken: [Double] = []
      for (row, result) in results.enumerated() {
        for token in 0..<starts[row + 1] - starts[row] { perToken.append(result.advantage(token)) }
      }
      advantages = .perToken(perToken)
    } else {
      advantages = .perRow(results.map { $0.advantages[0] })
    }
    var batch = TokenBatch(
      rows: rows, rowStarts: starts, trained: Array(repeating: true, count: choices.count),
      advantages: advantages, logProbability: [])
    batch.pairs = pairs
    return batch
  }
}

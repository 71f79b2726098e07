import Estimator

/// A case of a whole loss on its way through gate, assembly and evaluation.
struct GoldenRun {
  /// What became of one sample.
  struct Role {
    var standing: AssemblyRow.Standing
    /// α of a rollout; of a demonstration its weight as a member.
    var weight = 1.0
    var imitationWeight = 0.0
  }

  let golden: GoldenCase
  let layout: GoldenLayout
  var algorithm: Algorithm
  /// After shaping.
  var rewards: [Double]
  /// Further components of the verdict, a number per sample.
  var components: [(name: String, values: [Double])] = []
  /// Of each group.
  var decisions: [GateDecision] = []
  /// Of each sample; nil: it is not in the batch.
  var roles: [Role?]
  /// Leading tokens of each sample that come from a demonstration.
  var prefixes: [Int]
  /// Of each sample, a number per token, 0 where there is none.
  var advantages: [[Double]]
  var returns: [[Double]]
  /// Which samples are in the batch, in order.
  var samples: [Int] = []
  var batch: TokenBatch?
  var evaluation: Evaluation?
  /// Where the case is cut into micro-batches: the loss of each.
  var microLosses: [Double] = []

  init(_ golden: GoldenCase, _ layout: GoldenLayout, _ algorithm: Algorithm) throws {
    self.golden = golden
    self.layout = layout
    self.algorithm = algorithm
    let none = layout.lengths.map { _ in 0 }
    rewards = try layout.samples("rewards") ?? none.map(Double.init)
    roles = none.map { _ in nil }
    prefixes = try golden.inputs["demo_prefix_lengths"]?.integers() ?? none
    advantages = layout.lengths.map { Array(repeating: 0, count: $0) }
    returns = advantages
    guard prefixes.count == layout.lengths.count else {
      throw GoldenProblem("demo_prefix_lengths and response_lengths differ")
    }
  }

  /// The parts that were recorded.
  var parts: TokenParts {
    get throws {
      guard let parts = evaluation?.parts else { throw GoldenProblem("parts were not recorded") }
      return parts
    }
  }

  /// Flat numbers over the batch's tokens as the files list them.
  func spread(_ flat: [Double]) -> [[Double]] { layout.spread(flat, of: samples) }
}

// Gate and assembly.
extension GoldenRun {
  /// Asks the algorithm's gate about every group.
  mutating func route() throws {
    let gate = algorithm.gate
    try route { _ in gate }
  }

  mutating func route(_ gate: (_ group: Int) throws -> Gate) throws {
    for (index, members) in layout.groups.enumerated() {
      let rollouts = members.filter { !layout.isDemonstration[$0] || prefixes[$0] > 0 }
      let demonstrations = members.filter { layout.isDemonstration[$0] && prefixes[$0] == 0 }
      let input = GateInput(
        step: 0,
        rollouts: rollouts.map { sample in
          GateRollout(
            reward: rewards[sample],
            components: components.map { ($0.name, $0.values[sample]) },
            tokens: layout.lengths[sample])
        }, demonstrations: demonstrations.count, group: UInt64(index))
      var memory: [Double] = []
      let decision = try gate(index).decide(input, memory: &memory)
      decisions.append(decision)
      for kept in decision.kept {
        roles[rollouts[kept]] = Role(standing: .member, weight: decision.rolloutWeight)
      }
      for idle in decision.idle { roles[rollouts[idle]] = Role(standing: .idle) }
      guard decision.demonstration != .unused else { continue }
      for sample in demonstrations {
        roles[sample] = Role(
          standing: decision.demonstration == .imitated ? .imitated : .member,
          weight: decision.offPolicyWeight, imitationWeight: decision.demonstrationWeight)
      }
    }
  }

  /// The groups as the loss assembler sees them, and the samples of their rows.
  func assemblyGroups() throws -> [(group: AssemblyGroup, samples: [Int])] {
    let values = try layout.tokens("values_old")
    let anchor = try layout.tokens("logprob_ref")
    let old = try layout.tokens("logprob_old")
    return try layout.groups.enumerated().map { index, members in
      let samples = members.filter { roles[$0] != nil }
      let rows = try samples.map { sample in
        var penalties: [Double] = []
        if algorithm.kl?.place == .reward, let anchor, let old {
          penalties = try algorithm.penalties(logProbability: old[sample], anchor: anchor[sample])
        }
        return AssemblyRow(
          kind: layout.isDemonstration[sample] ? .demonstration : .rollout,
          standing: roles[sample]?.standing ?? .idle, reward: rewards[sample],
          tokens: layout.lengths[sample], trained: layout.trained[sample], penalties: penalties,
          values: values?[sample] ?? [])
      }
      return (AssemblyGroup(id: UInt64(index), rows: rows), samples)
    }
  }

  /// Â and returns of every sample by the algorithm's own estimate.
  mutating func assemble() throws {
    let groups = try assemblyGroups()
    var memory: [Double] = []
    let assembled = try algorithm.assemble(
      groups.map(\.group), seed: 0, step: 0, memory: &memory)
    take(assembled, samples: groups.map(\.samples))
  }

  /// Writes assembled rows down per sample and token.
  mutating func take(_ assembled: [AssembledGroup], samples: [[Int]]) {
    for (group, members) in zip(assembled, samples) {
      for (row, sample) in zip(group.rows, members) {
        for token in advantages[sample].indices where layout.trained[sample][token] {
          advantages[sample][token] = row.advantage(token)
          if !row.returns.isEmpty { returns[sample][token] = row.returns[token] }
        }
      }
    }
  }
}

// The batch.
extension GoldenRun {
  /// Puts the samples that have a role into a batch.
  mutating func makeBatch() throws {
    samples = roles.indices.filter { roles[$0] != nil }
    batch = try makeBatch(of: samples)
  }

  /// The given samples in the given order as a batch of their own.
  func makeBatch(of samples: [Int]) throws -> TokenBatch {
    func flat(_ values: [[Double]]?) -> [Double]? {
      values.map { all in samples.flatMap { all[$0] } }
    }
    guard let current = flat(try layout.tokens("logprob")) else {
      throw GoldenProblem("logprob is missing")
    }
    var starts = [0]
    for sample in samples { starts.append(starts[starts.count - 1] + layout.lengths[sample]) }
    return TokenBatch(
      rows: samples.map(row), rowStarts: starts, trained: samples.flatMap { layout.trained[$0] },
      advantages: batchAdvantages(samples), logProbability: current,
      logProbabilityOld: flat(try layout.tokens("logprob_old")),
      logProbabilityRollout: flat(try layout.tokens("logprob_rollout")),
      logProbabilityAnchor: flat(try layout.tokens("logprob_ref")),
      logProbabilityBehaviour: flat(try layout.behaviour()),
      entropy: flat(try layout.tokens("entropy")))
  }

  /// One number per row where the estimate gives one.
  private func batchAdvantages(_ samples: [Int]) -> TokenBatch.Advantages {
    if algorithm.advantage.isPerToken || golden.inputs["advantages_in"] != nil {
      return .perToken(samples.flatMap { advantages[$0] })
    }
    return .perRow(
      samples.map { sample in
        layout.trained[sample].firstIndex(of: true).map { advantages[sample][$0] } ?? 0
      })
  }

  private func row(_ sample: Int) -> TokenBatch.Row {
    let role = roles[sample] ?? Role(standing: .member)
    // A response that a demonstration only began is the policy's own from there on.
    let isDemonstration = layout.isDemonstration[sample] && prefixes[sample] == 0
    return TokenBatch.Row(
      kind: isDemonstration ? .demonstration : .rollout, group: layout.group[sample],
      weight: role.weight, imitationWeight: role.imitationWeight, reward: rewards[sample],
      isIdle: role.standing == .idle, prefix: prefixes[sample])
  }
}

extension GoldenLayout {
  /// `log` of the probability under a demonstration's author.
  fileprivate func behaviour() throws -> [[Double]]? {
    try tokens("behaviour_probability")?.map { row in row.map(logarithm) }
  }
}

extension Evaluation {
  /// This micro-batch followed by the next one of its mini-batch.
  func joined(with next: Evaluation) -> Evaluation {
    var result = self
    result.gradLogProbability += next.gradLogProbability
    result.gradEntropy += next.gradEntropy
    result.terms.add(next.terms)
    result.diagnostics.add(next.diagnostics)
    result.parts = nil
    return result
  }
}

import Estimator

/// A small seeded generator; SplitMix64 (Steele et al., 2014), for test data alone.
struct TestRandom: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Groups of rollouts with rewards, and a demonstration each, as a step sees them.
struct RandomGroups {
  struct Response {
    var trained: [Bool]
    var logProbability: [Double]
    var old: [Double]
    var rollout: [Double]
    var anchor: [Double]
    var behaviour: [Double]
    var entropy: [Double]
    var values: [Double]
  }

  var rewards: [[Double]] = []
  var rollouts: [[Response]] = []
  var demonstrations: [Response] = []

  init(seed: UInt64, groups: Int = 4, size: Int = 6, longest: Int = 9) {
    var random = TestRandom(seed: seed)
    for _ in 0..<groups {
      rewards.append((0..<size).map { _ in Double(Int.random(in: 0...1, using: &random)) })
      rollouts.append(
        (0..<size).map { _ in Self.response(Int.random(in: 1...longest, using: &random), &random) })
      demonstrations.append(Self.response(Int.random(in: 1...longest, using: &random), &random))
    }
  }

  private static func response(_ tokens: Int, _ random: inout TestRandom) -> Response {
    func numbers(_ range: ClosedRange<Double>) -> [Double] {
      (0..<tokens).map { _ in Double.random(in: range, using: &random) }
    }
    let current = numbers(-3...(-0.05))
    func near(_ width: Double) -> [Double] { zip(current, numbers(-width...width)).map { $0 + $1 } }
    return Response(
      trained: numbers(0...1).map { $0 > 0.15 }, logProbability: current, old: near(0.7),
      rollout: near(0.9), anchor: near(1), behaviour: numbers(-2...(-0.1)), entropy: numbers(0...3),
      values: numbers(-1...1))
  }

  /// Gate, assembly, rows and pairs: the batch that `algorithm` makes of these groups, as the stages
  /// do. The step is late enough for every schedule to be over.
  func batch(_ algorithm: Algorithm, step: UInt64 = 1000) throws -> TokenBatch {
    var builder = BatchBuilder()
    var groups: [AssemblyGroup] = []
    var gateMemory: [Double] = []
    for group in rewards.indices {
      let input = GateInput(
        step: step,
        rollouts: zip(rewards[group], rollouts[group]).map {
          GateRollout(reward: $0, tokens: $1.trained.count)
        }, demonstrations: 1, group: UInt64(group))
      let decision = try algorithm.gate.decide(input, memory: &gateMemory)
      groups.append(try rows(of: group, decision, algorithm, &builder))
    }
    var memory: [Double] = []
    let assembled = try algorithm.assemble(groups, seed: 1, step: step, memory: &memory)
    return builder.batch(assembled, perToken: algorithm.advantage.isPerToken)
  }

  /// Appends the rows of one group.
  private func rows(
    of group: Int, _ decision: GateDecision, _ algorithm: Algorithm, _ builder: inout BatchBuilder
  ) throws -> AssemblyGroup {
    var result = AssemblyGroup(id: UInt64(group), rows: [])
    func append(
      _ row: TokenBatch.Row, _ response: Response, _ standing: AssemblyRow.Standing
    ) throws {
      builder.rows.append(row)
      builder.responses.append(response)
      result.rows.append(
        AssemblyRow(
          kind: row.kind, standing: standing, reward: row.reward, tokens: response.trained.count,
          trained: response.trained,
          penalties: try algorithm.penalties(
            logProbability: response.old, anchor: response.anchor),
          values: response.values))
    }
    let first = builder.rows.count
    for index in (decision.kept + decision.idle).sorted() {
      let isIdle = decision.idle.contains(index)
      try append(
        TokenBatch.Row(
          kind: .rollout, group: group, weight: decision.rolloutWeight,
          reward: rewards[group][index], isIdle: isIdle),
        rollouts[group][index], isIdle ? .idle : .member)
    }
    let members = builder.rows[first...].map(\.reward)
    if algorithm.advantage.kind == .preference {
      builder.pairs += algorithm.pairing.pairs(members).map {
        PreferencePair(chosen: first + $0.chosen, rejected: first + $0.rejected)
      }
    }
    if decision.demonstration != .unused {
      try append(
        TokenBatch.Row(
          kind: .demonstration, group: group, weight: decision.offPolicyWeight,
          imitationWeight: decision.demonstrationWeight, reward: 1),
        demonstrations[group], decision.demonstration == .imitated ? .imitated : .member)
    }
    return result
  }
}

/// Rows of a batch in the making.
private struct BatchBuilder {
  var rows: [TokenBatch.Row] = []
  var responses: [RandomGroups.Response] = []
  var pairs: [PreferencePair] = []

  func batch(_ assembled: [AssembledGroup], perToken: Bool) -> TokenBatch {
    let made = assembled.flatMap(\.rows)
    var starts = [0]
    for response in responses { starts.append(starts[starts.count - 1] + response.trained.count) }
    let advantages: TokenBatch.Advantages =
      perToken
      ? .perToken(
        zip(made, responses).flatMap { row, response in
          response.trained.indices.map(row.advantage)
        }) : .perRow(made.map { $0.advantages[0] })
    var batch = TokenBatch(
      rows: rows, rowStarts: starts, trained: responses.flatMap(\.trained),
      advantages: advantages, logProbability: responses.flatMap(\.logProbability),
      logProbabilityOld: responses.flatMap(\.old),
      logProbabilityRollout: responses.flatMap(\.rollout),
      logProbabilityAnchor: responses.flatMap(\.anchor),
      logProbabilityBehaviour: responses.flatMap(\.behaviour),
      entropy: responses.flatMap(\.entropy))
    batch.pairs = pairs
    return batch
  }
}

extension TokenBatch {
  /// The given rows, in the given order, as a batch of their own, with the pairs among them.
  func selecting(_ selection: [Int]) -> TokenBatch {
    func pick<Value>(_ values: [Value]) -> [Value] {
      selection.flatMap { Array(values[rowStarts[$0]..<rowStarts[$0 + 1]]) }
    }
    var starts = [0]
    for row in selection {
      starts.append(starts[starts.count - 1] + rowStarts[row + 1] - rowStarts[row])
    }
    let advantages: Advantages =
      switch self.advantages {
      case .perRow(let values): .perRow(selection.map { values[$0] })
      case .perToken(let values): .perToken(pick(values))
      }
    var batch = TokenBatch(
      rows: selection.map { rows[$0] }, rowStarts: starts, trained: pick(trained),
      advantages: advantages, logProbability: pick(logProbability),
      logProbabilityOld: logProbabilityOld.map(pick),
      logProbabilityRollout: logProbabilityRollout.map(pick),
      logProbabilityAnchor: logProbabilityAnchor.map(pick),
      logProbabilityBehaviour: logProbabilityBehaviour.map(pick), entropy: entropy.map(pick))
    batch.correction = correction.map(pick)
    batch.selection = self.selection.map(pick)
    batch.pairs = pairs.compactMap { pair in
      guard let chosen = selection.firstIndex(of: pair.chosen),
        let rejected = selection.firstIndex(of: pair.rejected)
      else { return nil }
      return PreferencePair(chosen: chosen, rejected: rejected)
    }
    return batch
  }

  /// Untrained tokens strewn in, whose numbers must never be read.
  func padded(using random: inout TestRandom) -> (batch: TokenBatch, origin: [Int?]) {
    var origin: [Int?] = []
    var starts = [0]
    for row in rows.indices {
      for token in rowStarts[row]..<rowStarts[row + 1] {
        while Int.random(in: 0..<3, using: &random) == 0 { origin.append(nil) }
        origin.append(token)
      }
      if Bool.random(using: &random) { origin.append(nil) }
      starts.append(origin.count)
    }
    func spread(_ values: [Double]) -> [Double] { origin.map { $0.map { values[$0] } ?? .nan } }
    var batch = self
    batch.rowStarts = starts
    batch.trained = origin.map { $0.map { trained[$0] } ?? false }
    if case .perToken(let values) = advantages { batch.advantages = .perToken(spread(values)) }
    batch.logProbability = spread(logProbability)
    batch.logProbabilityOld = logProbabilityOld.map(spread)
    batch.logProbabilityRollout = logProbabilityRollout.map(spread)
    batch.logProbabilityAnchor = logProbabilityAnchor.map(spread)
    batch.logProbabilityBehaviour = logProbabilityBehaviour.map(spread)
    batch.entropy = entropy.map(spread)
    batch.correction = correction.map(spread)
    batch.selection = selection.map { flags in origin.map { $0.map { flags[$0] } ?? false } }
    return (batch, origin)
  }
}

extension CatalogEntry {
  /// The entry with a constant for the aggregations that divide by one.
  func ready(constant: Double = 9) -> Algorithm {
    var algorithm = build()
    func set(_ term: inout PolicyTerm) {
      if term.aggregation.dividesByConstant { term.aggregation.constant = constant }
    }
    set(&algorithm.rollouts)
    set(&algorithm.offPolicy)
    set(&algorithm.imitation)
    return algorithm
  }
}

extension Algorithm {
  /// A catalogue entry by name, with constants where they are needed.
  static func ready(_ name: String, _ form: Form? = nil) throws -> Algorithm {
    try CatalogEntry.find(name, form: form).ready()
  }

  /// How a failure names it.
  var label: String { "\(name) (\(form.rawValue))" }

  /// Every catalogue entry, and compositions of parts that no entry has.
  static func everyOne() throws -> [Algorithm] {
    var result = catalog.map { $0.ready() }
    func add(_ base: String, _ name: String, _ change: (inout Algorithm) -> Void) throws {
      var algorithm = try ready(base)
      algorithm.name = name
      change(&algorithm)
      result.append(algorithm)
    }
    try add("hpt", "hpt by shares") {
      $0.gate = Gate(.switch, thresholdShare: 0.4)
      $0.rollouts.mask = StabilizationMask(.clip, clipHigh: 0.28, dualClip: 3)
      $0.kl = KLPenalty(.k2, weight: 0.1)
    }
    try add("hpt", "soft mixture by tables") {
      $0.gate = Gate(
        .table, rolloutTable: [0, 1], offPolicyTable: [0.5, 0], demonstrationTable: [1, 0.25])
    }
    try add("grpo", "grpo with a token correction") {
      $0.rollouts.correction = RolloutCorrection(
        .token, isNormalized: true, rejections: [.init(.k3, .token, upper: 0.2)])
    }
    try add("grpo", "grpo with a sequence correction") {
      $0.rollouts.correction = RolloutCorrection(
        .sequence, cap: 3, rejections: [.init(.k1, .sequenceMean, lower: 0.6, upper: 2)])
      $0.kl = KLPenalty(.k3, weight: 0.05)
    }
    try add("reinforce", "reinforce with its own correction") {
      $0.rollouts.correction = RolloutCorrection(.token, numerator: .current)
    }
    try add("gspo", "gspo with a wide clip") { $0.rollouts.mask = .clip(0.2, 0.28) }
    try add("luffy", "luffy against its author") {
      $0.offPolicy = PolicyTerm(reference: .behaviour, aggregation: $0.rollouts.aggregation)
    }
    try add("clip_cov", "clip_cov with a band") {
      $0.rollouts.selection = TokenSelection(.clipCovariance, ratio: 0.05, lower: 0, upper: 9)
    }
    try add("grpo", "grpo with the penalty in the reward") {
      $0.kl = KLPenalty(.k1, weight: 0.1, place: .reward)
    }
    for kind in [ShapingFunction.Kind.none, .root, .power, .log, .logLinear] {
      try add("luffy", "luffy with \(kind.rawValue)") { $0.offPolicy.shape = ShapingFunction(kind) }
    }
    return result
  }
}

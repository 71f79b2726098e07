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

/// Groups of rollouts with rewards, and a demonstration each, as the gate would see them.
struct RandomGroups {
  struct Response {
    var trained: [Bool]
    var logProbability: [Double]
    var old: [Double]
    var anchor: [Double]
    var entropy: [Double]
  }

  var rewards: [[Double]] = []
  var rollouts: [[Response]] = []
  var demonstrations: [Response] = []

  init(seed: UInt64, groups: Int = 4, size: Int = 4) {
    var random = TestRandom(seed: seed)
    for _ in 0..<groups {
      rewards.append((0..<size).map { _ in Double(Int.random(in: 0...1, using: &random)) })
      rollouts.append((0..<size).map { _ in Self.response(&random) })
      demonstrations.append(Self.response(&random))
    }
  }

  private static func response(_ random: inout TestRandom) -> Response {
    let tokens = Int.random(in: 1...9, using: &random)
    func numbers(_ range: ClosedRange<Double>) -> [Double] {
      (0..<tokens).map { _ in Double.random(in: range, using: &random) }
    }
    let current = numbers(-3...(-0.05))
    return Response(
      trained: numbers(0...1).map { $0 > 0.15 }, logProbability: current,
      old: zip(current, numbers(-0.7...0.7)).map { $0 + $1 },
      anchor: zip(current, numbers(-1...1)).map { $0 + $1 }, entropy: numbers(0...3))
  }

  /// Gate, advantages and rows: the batch that `algorithm` makes of these groups.
  func batch(_ algorithm: Algorithm) throws -> TokenBatch {
    var rows: [TokenBatch.Row] = []
    var responses: [Response] = []
    var advantages: [Double] = []
    for group in rewards.indices {
      let decision = try algorithm.gate.decide(values: rewards[group], hasDemonstration: true)
      let imitates = decision.demonstration == .imitated
      let ours = try algorithm.advantages([
        GroupRewards(
          rollouts: decision.kept.map { rewards[group][$0] }, imitated: imitates ? 1 : 0)
      ])[0]
      for (index, advantage) in zip(decision.kept, ours.rollouts) {
        rows.append(.init(kind: .rollout, group: group, weight: decision.rolloutWeight))
        responses.append(rollouts[group][index])
        advantages.append(advantage)
      }
      for advantage in ours.demonstrations {
        rows.append(.init(kind: .demonstration, group: group, weight: decision.demonstrationWeight))
        responses.append(demonstrations[group])
        advantages.append(advantage)
      }
    }
    var starts = [0]
    for response in responses { starts.append(starts[starts.count - 1] + response.trained.count) }
    return TokenBatch(
      rows: rows, rowStarts: starts, trained: responses.flatMap(\.trained),
      advantages: .perRow(advantages), logProbability: responses.flatMap(\.logProbability),
      logProbabilityOld: responses.flatMap(\.old), logProbabilityRollout: responses.flatMap(\.old),
      logProbabilityAnchor: responses.flatMap(\.anchor), entropy: responses.flatMap(\.entropy))
  }
}

extension TokenBatch {
  /// The given rows, in the given order, as a batch of their own.
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
    return TokenBatch(
      rows: selection.map { rows[$0] }, rowStarts: starts, trained: pick(trained),
      advantages: advantages, logProbability: pick(logProbability),
      logProbabilityOld: logProbabilityOld.map(pick),
      logProbabilityRollout: logProbabilityRollout.map(pick),
      logProbabilityAnchor: logProbabilityAnchor.map(pick), entropy: entropy.map(pick))
  }
}

extension Algorithm {
  /// Every catalogue entry, with a constant where one is needed, and a few compositions.
  static func everyOne() throws -> [Algorithm] {
    var result: [Algorithm] = []
    for entry in catalog {
      var parameters = AlgorithmParameters()
      parameters.form = entry.form.rawValue
      parameters.aggregation.constant = 9
      result.append(try named(entry.name, parameters: parameters))
    }
    var clipped = AlgorithmParameters()
    clipped.aggregation.constant = 9
    clipped.mask = .init(kind: "clip", clipHigh: 0.28, dualClip: 3)
    clipped.kl = .init(kind: "k2", weight: 0.1)
    clipped.gate = .init(thresholdShare: 0.3)
    result.append(try named("hpt", parameters: clipped))
    var offline = AlgorithmParameters()
    offline.reference = "one"
    offline.aggregation.kind = "group_mean_token_mean"
    offline.entropyWeight = 0.01
    result.append(try named("reinforce", parameters: offline))
    return result
  }
}

import Estimator
import Foundation
import Operators
import Testing

/// `toy_training.json` with the operators of the engine: head, its backward pass and AdamW in f32,
/// the estimator's numbers rounded once. Within rtol 1e-4 and atol 1e-6 after every update.
@Suite struct ToyTrainingTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      var name: String
      var hyperparameters: Settings
      var inputs: Inputs
      var expected: Expected
    }
    struct Settings: Decodable { var lr, beta1, beta2, eps, weightDecay, gradClip: Double }
    struct Inputs: Decodable { var initialParameters: [[Double]] }
    struct Expected: Decodable { var phases: [Phase] }
    struct Step: Decodable {
      var loss, gradientNorm: Double
      var parameters: [[Double]]
    }
    struct Phase: Decodable {
      var kind: String
      var sequences, rollouts, demonstrations, groups: [[Int]]?
      var rewards: [Double]?
      var gateCount: Int?
      var sftCoef, entropyCoef, constant, clipLow, clipHigh, dualClip: Double?
      var steps: [Step]
    }
    var cases: [Case]
  }

  private static func cases() throws -> [Golden.Case] {
    let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appendingPathComponent("EstimatorTests/Fixtures/toy_training.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Golden.self, from: Data(contentsOf: file)).cases
  }

  @Test func followsTorchInSinglePrecision() throws {
    var failures: [String] = []
    var compared = 0
    func compare(_ place: String, _ ours: Double, _ theirs: Double) {
      compared += 1
      if !(abs(ours - theirs) <= 1e-6 + 1e-4 * abs(theirs)) {
        failures.append("\(place): \(ours), not \(theirs)")
      }
    }
    for golden in try Self.cases() {
      let policy = TablePolicy(golden.inputs.initialParameters, golden.hyperparameters)
      for (number, phase) in golden.expected.phases.enumerated() {
        let training = try ToyPhase(phase)
        let old = policy.score(training.sequences).logProbabilities
        for (index, step) in phase.steps.enumerated() {
          let place = "\(golden.name) phase \(number) step \(index)"
          let ours = try training.algorithm.evaluate(
            training.batch(policy.score(training.sequences), old: old))
          let norm = policy.update(training.sequences, ours)
          compare("\(place) loss", ours.loss, step.loss)
          compare("\(place) norm", norm, step.gradientNorm)
          for (value, expected) in zip(policy.values, step.parameters.flatMap { $0 }) {
            compare(place, Double(value), expected)
          }
        }
      }
    }
    #expect(compared > 200)
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }
}

/// The rows of a phase, with the algorithm that trains them.
private struct ToyPhase {
  var algorithm: Algorithm
  var sequences: [[Int]] = []
  private var rows: [TokenBatch.Row] = []
  private var advantages: [Double] = []

  init(_ phase: ToyTrainingTests.Golden.Phase) throws {
    let numbers: [(String, Double?)] = [
      ("sft_weight", phase.sftCoef), ("entropy_weight", phase.entropyCoef),
      ("aggregation.constant", phase.constant), ("mask.clip_low", phase.clipLow),
      ("mask.clip_high", phase.clipHigh), ("mask.dual_clip", phase.dualClip),
    ]
    var settings = numbers.compactMap { name, value in
      value.map { Algorithm.Setting(name, .number($0)) }
    }
    if let count = phase.gateCount {
      settings.append(Algorithm.Setting("gate.threshold_count", .integer(count)))
    }
    algorithm = try Algorithm.named(phase.kind, settings: settings)
    let rewards = phase.rewards ?? []
    let rollouts = phase.rollouts ?? phase.sequences ?? []
    if phase.kind == "sft" {
      for (index, sequence) in rollouts.enumerated() { append(.demonstration, index, sequence, 1) }
    }
    for (index, members) in (phase.groups ?? []).enumerated() {
      let values = members.map { rewards[$0] }
      var memory: [Double] = []
      let decision = try algorithm.gate.decide(
        GateInput(
          step: 0, rollouts: values.map { GateRollout(reward: $0, tokens: 1) },
          demonstrations: phase.demonstrations == nil ? 0 : 1), memory: &memory)
      let kept = decision.kept.map {
        AssemblyRow(reward: values[$0], tokens: rollouts[members[$0]].count)
      }
      let ours = try algorithm.assemble(
        [AssemblyGroup(id: UInt64(index), rows: kept)], seed: 0, step: 0, memory: &memory)[0]
      for (place, row) in zip(decision.kept, ours.rows) {
        append(.rollout, index, rollouts[members[place]], row.advantages[0])
      }
      if decision.demonstration == .imitated {
        append(.demonstration, index, phase.demonstrations?[index] ?? [], 1)
      }
    }
  }

  private mutating func append(
    _ kind: RowKind, _ group: Int, _ sequence: [Int], _ advantage: Double
  ) {
    rows.append(TokenBatch.Row(kind: kind, group: group))
    sequences.append(sequence)
    advantages.append(advantage)
  }

  func batch(
    _ scores: (logProbabilities: [Float], entropies: [Float]), old: [Float]
  ) -> TokenBatch {
    var starts = [0]
    for sequence in sequences { starts.append(starts[starts.count - 1] + sequence.count) }
    return TokenBatch(
      rows: rows, rowStarts: starts,
      trained: scores.logProbabilities.map { _ in true }, advantages: .perRow(advantages),
      logProbability: TokenBatch.widened(scores.logProbabilities),
      logProbabilityOld: TokenBatch.widened(old),
      entropy: TokenBatch.widened(scores.entropies))
  }
}

/// Logits by position, as the head of a model whose row for a position is the unit vector of it.
private final class TablePolicy {
  private let compute = Compute(threads: 1)
  private let shape: TransformerShape
  private let settings: ToyTrainingTests.Golden.Settings
  private let positions: Int
  private let rows: Tensor
  /// `[V, positions]`.
  private let table: Tensor
  private let first: Tensor
  private let second: Tensor
  private var updates: UInt64 = 0

  init(_ initial: [[Double]], _ settings: ToyTrainingTests.Golden.Settings) {
    self.settings = settings
    positions = initial.count
    let vocabulary = initial[0].count
    shape = TransformerShape(
      vocabulary: vocabulary, hidden: initial.count, intermediate: 4, heads: 1, keyValueHeads: 1,
      headDimension: 4, normEpsilon: 0, embedding: 0, finalNorm: vocabulary * initial.count,
      head: 0)
    var unit = [Float](repeating: 0, count: initial.count * initial.count)
    for position in initial.indices { unit[position * initial.count + position] = 1 }
    rows = Tensor(unit, compute: compute)
    table = Tensor(
      (0..<vocabulary).flatMap { token in initial.map { Float($0[token]) } }, compute: compute)
    first = Tensor(count: table.count, compute: compute)
    second = Tensor(count: table.count, compute: compute)
  }

  /// `[positions, V]`.
  var values: [Float] {
    let table = table.values
    return (0..<positions).flatMap { position in
      (0..<shape.vocabulary).map { table[$0 * positions + position] }
    }
  }

  /// The table, and a final norm that leaves a unit vector as it is.
  private var parameters: Tensor {
    let norm = [Float](repeating: 1 / Float(positions).squareRoot(), count: positions)
    return Tensor(table.values + norm, compute: compute)
  }

  private func head(_ sequences: [[Int]]) -> (rows: [HeadRow], targets: [HeadTarget]) {
    var byPosition = [[HeadTarget]](repeating: [], count: positions)
    var token = 0
    for sequence in sequences {
      for (position, target) in sequence.enumerated() {
        byPosition[position].append(HeadTarget(index: token, token: Int32(target)))
        token += 1
      }
    }
    var rows: [HeadRow] = []
    var targets: [HeadTarget] = []
    for (position, own) in byPosition.enumerated() where !own.isEmpty {
      rows.append(HeadRow(row: position, targets: targets.count..<targets.count + own.count))
      targets += own
    }
    return (rows, targets)
  }

  func score(_ sequences: [[Int]]) -> (logProbabilities: [Float], entropies: [Float]) {
    let (headRows, targets) = head(sequences)
    var logProbabilities = [Float](repeating: .nan, count: targets.count)
    var entropies = logProbabilities
    compute.score(
      shape, parameters, x: rows, rows: headRows, targets: targets, temperature: 1,
      logProbabilities: &logProbabilities, entropies: &entropies)
    return (logProbabilities, entropies)
  }

  /// One update; the norm of its gradient before clipping.
  func update(_ sequences: [[Int]], _ evaluation: Evaluation) -> Double {
    let (headRows, targets) = head(sequences)
    let parameters = parameters
    let all = Tensor(count: parameters.count, compute: compute)
    compute.scoreBackward(
      shape, parameters, x: rows, xRows: positions, rows: headRows, targets: targets,
      temperature: 1, dLogProbabilities: evaluation.gradLogProbabilityFloat(),
      dEntropies: evaluation.gradEntropy.isEmpty ? nil : evaluation.gradEntropyFloat(),
      into: Tensor(count: rows.count, compute: compute), gradient: all,
      workspace: Tensor(
        count: shape.backwardWorkspace(rows: positions, headRows: headRows.count),
        compute: compute))
    let gradient = Tensor(Array(all.values.prefix(table.count)), compute: compute)
    let norm = compute.sumOfSquares(gradient).squareRoot()
    updates += 1
    compute.adamW(
      learningRate: settings.lr, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.eps, weightDecay: settings.weightDecay,
      gradientScale: min(1, settings.gradClip / (norm + 1e-6)), update: updates,
      gradient: gradient, parameters: table, first: first, second: second)
    return norm
  }
}

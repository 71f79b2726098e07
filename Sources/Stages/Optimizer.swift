import Digest
public import Estimator
public import Policy
import Queue
import Records

/// Works off loss batches: forward pass, the estimator's weights, backward pass, AdamW.
///
/// The queue is the write-ahead log of training: the cursor says which steps are committed, the
/// weights in memory say how many they contain, and `replay` closes the gap after a restart.
public final class Optimizer: Stage {
  public static let name = StageName.optimizer

  public let policy: Policy
  let moments: AdamWState
  /// Steps that the weights contain.
  public private(set) var version: UInt64
  public private(set) var weightsDigest: [UInt8]

  private let algorithm: Algorithm
  private let settings: OptimizerSettings
  private let schedule: LearningRate
  private let temperature: Float
  /// Largest difference of log-probabilities that is trained on.
  private let mismatchBound: Double
  private let publisher: PolicyPublisher?
  private let gradient: Gradient
  private let clock = ContinuousClock()

  public init(
    policy: Policy, moments: AdamWState, version: UInt64, algorithm: Algorithm,
    settings: OptimizerSettings, temperature: Double, mismatchBound: Double,
    publisher: PolicyPublisher?
  ) throws {
    self.policy = policy
    self.moments = moments
    self.version = version
    self.algorithm = algorithm
    self.settings = settings
    self.temperature = Float(temperature)
    self.mismatchBound = mismatchBound
    self.publisher = publisher
    schedule = try settings.makeSchedule()
    weightsDigest = policy.weightsDigest()
    gradient = Gradient(for: policy)
  }

  public func advance(_ ledger: Ledger) throws -> Progress {
    let step = try ledger.cursor(.optimizer)
    guard try ledger.head(.batches) > step else { return .waiting("no loss batch") }
    precondition(version == step, "the weights hold \(version) steps, the cursor says \(step)")
    let record = try work(off: step, ledger)
    try publisher?.publish(policy, version: version)
    var outcome = Outcome()
    outcome.add(record, to: .updates, at: RecordKey(step))
    outcome.cursor = step + 1
    outcome.isDear = true
    return .made(outcome)
  }

  /// Works off again the steps between the checkpoint's and the cursor's, writing nothing, and
  /// compares each with what was logged the first time.
  func replay(_ ledger: Ledger, each: (UInt64) throws -> Void) throws {
    let committed = try ledger.cursor(.optimizer)
    while version < committed {
      let step = version
      let logged = try ledger.existing(UpdateRecord.self, .updates, step)
      let again = try work(off: step, ledger)
      guard again.weightsDigest == logged.weightsDigest else {
        throw StageError(
          .mismatch, at: "updates/\(step)",
          "working the step off again gives the weights \(hexadecimal(again.weightsDigest)), "
            + "logged are \(hexadecimal(logged.weightsDigest))",
          remedy: "Resume with the BLAS kernel and the build that the run began with.")
      }
      try each(step)
    }
    try publisher?.publish(policy, version: version)
  }

  // MARK: One step

  private func work(off step: UInt64, _ ledger: Ledger) throws -> UpdateRecord {
    let began = clock.now
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    var groups = try batch.groups.map { try TrainedGroup($0, ledger) }
    try policy.validate(groups.map(\.training))
    if algorithm.quantities.contains(.logProbabilityOld), batch.updates.count > 1 {
      scoreUpdateStart(&groups)
    }
    var totals = StepTotals()
    for (index, members) in batch.updates.enumerated() {
      var update = members.map { groups[Int($0)] }
      try work(off: &update, isFirst: index == 0, step: step, into: &totals)
    }
    version = step + 1
    weightsDigest = policy.weightsDigest()
    let seconds = began.duration(to: clock.now).seconds
    return UpdateRecord(
      step: step, weightsDigest: weightsDigest, adamUpdates: moments.updates,
      metrics: totals.metrics, updates: totals.updates,
      timings: [
        Measurement("seconds/optimizer", seconds),
        Measurement("tokens_per_second/optimizer", Double(totals.tokens) / max(seconds, 1e-9)),
        Measurement("memory/peak_bytes", Double(ProcessMemory.peakBytes)),
      ])
  }

  /// The log-probabilities under the policy at the start of the step, for updates that come after
  /// the first one has moved it.
  private func scoreUpdateStart(_ groups: inout [TrainedGroup]) {
    for start in stride(from: 0, to: groups.count, by: settings.microBatchGroups) {
      let range = start..<min(start + settings.microBatchGroups, groups.count)
      let scores = policy.score(range.map { groups[$0].training }, temperature: temperature)
      var offset = 0
      for index in range {
        let count = groups[index].tokenCount
        groups[index].updateStart = Array(scores.logProbabilities[offset..<offset + count])
        offset += count
      }
    }
  }

  private func work(
    off groups: inout [TrainedGroup], isFirst: Bool, step: UInt64, into totals: inout StepTotals
  ) throws {
    let layout = MicroBatches(groups, size: settings.microBatchGroups)
    let normalizers = algorithm.normalizers(rows: layout.shapes, microBatches: layout.rows)
    gradient.zero()
    var terms = LossTerms()
    var diagnostics = Diagnostics()
    for (range, normalizer) in zip(layout.groups, normalizers) {
      let part = Array(groups[range])
      try policy.accumulate(
        part.map(\.training), temperature: temperature, into: gradient
      ) { scores in
        if isFirst { totals.measure(scores, against: part, digest: weightsDigest) }
        let micro = TokenBatch(part, firstGroup: range.lowerBound, scores: scores)
        let evaluation = try algorithm.evaluate(micro, normalizers: normalizer)
        terms.add(evaluation.terms)
        diagnostics.add(evaluation.diagnostics)
        return TokenWeights(
          logProbability: evaluation.gradLogProbabilityFloat(),
          entropy: evaluation.gradEntropy.isEmpty ? nil : evaluation.gradEntropyFloat())
      }
    }
    if isFirst { try check(totals.mismatch, step) }
    totals.add(try apply(), terms, diagnostics)
  }

  /// Clips, or skips, and updates.
  private func apply() throws -> AppliedUpdate {
    let norm = gradient.norm()
    let rate = schedule.at(update: Int(moments.updates))
    let isSkipped = !norm.isFinite || norm > settings.skipNorm ?? .infinity
    if !isSkipped {
      policy.update(
        gradient, moments, settings: settings.adamW, learningRate: rate,
        gradientScale: Gradient.clippingCoefficient(
          norm: norm, maximumNorm: settings.gradientClip))
    }
    return AppliedUpdate(norm: norm, learningRate: rate, isSkipped: isSkipped)
  }

  private func check(_ mismatch: Double, _ step: UInt64) throws {
    guard mismatch > mismatchBound || mismatch.isNaN else { return }
    throw StageError(
      .mismatch, at: "step \(step)",
      "stored and recomputed log-probabilities differ by \(mismatch), the bound is "
        + "\(mismatchBound)",
      remedy: "Run `pipeline doctor`; if the rollouts are meant to be off-policy, state "
        + "optimizer.mismatch_bound.")
  }
}

import Digest
public import Estimator
public import Policy
import Queue
import Randomness
import Records

/// Works off loss batches: forward pass, the estimator's weights, backward pass, AdamW; and the same
/// for the critic, where there is one.
///
/// The queue is the write-ahead log of training: the cursor says which steps are committed, the
/// weights in memory say how many they contain, and `replay` closes the gap after a restart.
public final class Optimizer: Stage {
  public static let name = StageName.optimizer

  public let policy: Policy
  public let critic: CriticTraining?
  private(set) var moments: AdamWState
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
  private let selection: RandomStream
  private let dropout: RandomStream
  private let gradient: Gradient
  private let interruption: Interruption?
  /// Whether the weights stand between two steps, and not in the middle of one that was given up.
  private(set) var isWhole = true
  private let clock = ContinuousClock()

  /// - Parameters:
  ///   - seed: of the run, for the tokens that an algorithm picks at random and for dropout.
  ///   - interruption: asked between passes.
  public init(
    policy: Policy, moments: AdamWState, critic: CriticTraining? = nil, version: UInt64,
    algorithm: Algorithm, settings: OptimizerSettings, temperature: Double,
    mismatchBound: Double, seed: UInt64, publisher: PolicyPublisher?,
    interruption: Interruption? = nil
  ) throws {
    self.interruption = interruption
    self.policy = policy
    self.critic = critic
    policy.checkpointsGradients = settings.gradientCheckpointing
    critic?.model.checkpointsGradients = settings.gradientCheckpointing
    self.moments = moments
    self.version = version
    self.algorithm = algorithm
    self.settings = settings
    self.temperature = Float(temperature)
    self.mismatchBound = mismatchBound
    self.publisher = publisher
    selection = RandomStream(seed: seed, purpose: .selection)
    dropout = RandomStream(seed: seed, purpose: .dropout)
    schedule = try settings.makeSchedule()
    weightsDigest = policy.weightsDigest()
    gradient = Gradient(for: policy)
  }

  public func advance(_ ledger: Ledger) throws -> Progress {
    let step = try ledger.cursor(.optimizer)
    guard try ledger.head(.batches) > step else { return .waiting("no loss batch") }
    // Another process may have taken the stage over since the runner asked, and gone on.
    if version != step { try ledger.requireClaims() }
    precondition(version == step, "the weights hold \(version) steps, the cursor says \(step)")
    let record = try work(off: step, ledger)
    try publisher?.publish(policy, critic?.model, version: version)
    var outcome = Outcome()
    outcome.add(record, to: .updates, at: RecordKey(step))
    outcome.cursor = step + 1
    outcome.isDear = true
    return .made(outcome)
  }

  /// Works off again the steps between the checkpoint's and the cursor's, writing nothing, and
  /// compares each with what was logged the first time. Publishes the versions that others may still
  /// ask for.
  ///
  /// - Parameter end: steps that the weights shall contain; nil: all that are committed.
  func replay(
    _ ledger: Ledger, to end: UInt64? = nil, each: (UInt64) throws -> Void
  ) throws {
    let end = try end ?? ledger.cursor(.optimizer)
    while version < end {
      let step = version
      let logged = try ledger.existing(UpdateRecord.self, .updates, step)
      let again = try work(off: step, ledger)
      guard again.weightsDigest == logged.weightsDigest, again.criticDigest == logged.criticDigest
      else {
        throw StageError(
          .mismatch, at: "updates/\(step)",
          "working the step off again gives the weights \(hexadecimal(again.weightsDigest)), "
            + "logged are \(hexadecimal(logged.weightsDigest))",
          remedy: "Resume with the product kernel and the build that the run began with.")
      }
      try publisher?.publishMissing(policy, critic?.model, version: version, newest: end)
      try each(step)
    }
    try publisher?.publish(policy, critic?.model, version: version)
  }

  // MARK: One step

  /// Trains one step's batch and says what came of it. Publishes and writes nothing.
  func work(off step: UInt64, _ ledger: Ledger) throws -> UpdateRecord {
    let began = clock.now
    isWhole = false
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    var groups = try batch.groups.map { try TrainedGroup($0, ledger) }
    try requireOwnRollouts(groups, ledger)
    let isAnchored = groups.contains(where: \.isAnchored)
    for group in groups { try group.requireNumbers(policy, anchored: isAnchored) }
    if settings.restartsAfterSFT, step > 0, step == algorithm.gate.imitationSteps {
      moments = AdamWState(for: policy)
    }
    let needsStart = algorithm.quantities.contains(.logProbabilityOld)
    var totals = StepTotals()
    if needsStart, batch.updates.count > 1 || algorithm.corrects {
      scoreUpdateStart(&groups)
      totals.times.lap(.scoring)
    }
    var logProbabilities: [[Float]] = []
    for (index, members) in batch.updates.enumerated() {
      var update = members.map { groups[Int($0)] }
      let scores = try work(
        off: &update, place: UpdatePlace(step: step, index: index), into: &totals)
      if settings.record.contains("log_probability") { logProbabilities.append(scores) }
    }
    version = step + 1
    isWhole = true
    totals.times.begin()
    weightsDigest = policy.weightsDigest()
    totals.times.lap(.digest)
    let seconds = began.duration(to: clock.now).seconds
    return UpdateRecord(
      step: step, weightsDigest: weightsDigest,
      criticDigest: critic?.model.weightsDigest() ?? [], adamUpdates: moments.updates,
      metrics: totals.metrics, updates: totals.updates, logProbabilities: logProbabilities,
      timings: [
        Measurement("seconds/optimizer", seconds),
        Measurement("tokens_per_second/optimizer", Double(totals.tokens) / max(seconds, 1e-9)),
        Measurement("memory/peak_bytes", Double(ProcessMemory.peakBytes)),
      ] + totals.times.measurements)
  }

  /// Refuses rollouts that other weights sampled than their version has in this run, where nothing bounds
  /// the ratio to them: what a fork took over stops being on-policy once its own weights differ.
  private func requireOwnRollouts(_ groups: [TrainedGroup], _ ledger: Ledger) throws {
    guard algorithm.rollouts.correction == nil, algorithm.rollouts.reference != .rollout else {
      return
    }
    for group in groups where group.loss.rows.contains(where: { $0.kind == .rollout }) {
      let version = group.policyVersion
      var own = weightsDigest
      if version != self.version {
        guard version > 0,
          let update = try ledger.record(UpdateRecord.self, .updates, RecordKey(version - 1))
        else { continue }
        own = update.weightsDigest
      }
      guard !group.weightsDigest.isEmpty, own != group.weightsDigest else { continue }
      throw StageError(
        .mismatch, at: "rollouts/\(group.loss.group)",
        "version \(version) of this run has other weights than those that sampled it: "
          + "it is off-policy",
        remedy: "Let the rollout generator make it again: `pipeline run stage rollout --run RUN "
          + "--from \(group.loss.group) --into DIR`.")
    }
  }

  /// The log-probabilities under the policy at the start of the step, for updates that come after
  /// the first one has moved it.
  private func scoreUpdateStart(_ groups: inout [TrainedGroup]) {
    let scores = score(groups)
    var offset = 0
    for index in groups.indices {
      let count = groups[index].tokenCount
      groups[index].updateStart = Array(scores[offset..<offset + count])
      offset += count
    }
  }

  /// Log-probabilities of all rows under the policy as it is, pass by pass.
  private func score(_ groups: [TrainedGroup]) -> [Float] {
    var all: [Float] = []
    for start in stride(from: 0, to: groups.count, by: settings.microBatchGroups) {
      let range = start..<min(start + settings.microBatchGroups, groups.count)
      all +=
        policy.score(groups[range].map(\.training), temperature: temperature)
        .logProbabilities
    }
    return all
  }

  /// One update. Returns the log-probabilities it was computed from.
  private func work(
    off groups: inout [TrainedGroup], place: UpdatePlace, into totals: inout StepTotals
  ) throws -> [Float] {
    totals.times.begin()
    if try prepare(&groups, place) { totals.times.lap(.scoring) }
    let layout = MicroBatches(groups, size: settings.microBatchGroups)
    let normalizers = algorithm.normalizers(
      rows: layout.shapes, pairs: layout.pairs, microBatches: layout.rows)
    gradient.zero()
    critic?.begin()
    var terms = LossTerms()
    var diagnostics = Diagnostics()
    var logProbabilities: [Float] = []
    for (number, range) in layout.groups.enumerated() {
      if interruption?.status != nil { throw Interrupted() }
      let part = groups[range]
      totals.times.begin()
      let scores = try policy.accumulate(
        part.map(\.training), temperature: temperature, into: gradient,
        dropoutKey: dropout.bits(place.key(microBatch: number))
      ) { scores in
        totals.times.lap(.forward)
        defer { totals.times.lap(.estimator) }
        if place.index == 0 { totals.measure(scores, against: part, digest: weightsDigest) }
        var micro = TokenBatch(part, scores)
        if !algorithm.selects {
          try algorithm.select(&micro, stream: selection, key: place.key(microBatch: number))
        }
        let evaluation = try algorithm.evaluate(micro, normalizers: normalizers[number])
        terms.add(evaluation.terms)
        diagnostics.add(evaluation.diagnostics)
        return TokenWeights(
          logProbability: evaluation.gradLogProbabilityFloat(),
          entropy: evaluation.gradEntropy.isEmpty ? nil : evaluation.gradEntropyFloat())
      }
      totals.times.lap(.backward)
      logProbabilities += scores.logProbabilities
      if let critic {
        totals.add(
          try critic.accumulate(part, TokenBatch(part, scores), normalizers[number]))
        totals.times.lap(.critic)
      }
    }
    if place.index == 0 { try check(totals.mismatch, place.step) }
    totals.times.begin()
    let applied = apply(place.step, &totals)
    totals.times.lap(.update)
    totals.add(applied, terms, diagnostics)
    return logProbabilities
  }

  /// What must look at the whole update before it is cut into passes: rejection and correction, and
  /// tokens that are picked among all.
  /// - Returns: whether there was anything of it to do.
  private func prepare(_ groups: inout [TrainedGroup], _ place: UpdatePlace) throws -> Bool {
    guard algorithm.corrects || algorithm.selects else { return false }
    var batch = TokenBatch(groups[...])
    try algorithm.correct(&batch)
    if algorithm.selects {
      batch.logProbability = score(groups).map(Double.init)
      if groups.allSatisfy(\.updateStart.isEmpty) {
        batch.logProbabilityOld = batch.logProbability
      }
      try algorithm.select(&batch, stream: selection, key: place.key(microBatch: 0))
    }
    var offset = 0
    for index in groups.indices {
      let range = offset..<offset + groups[index].tokenCount
      groups[index].trained = Array(batch.trained[range])
      if let correction = batch.correction { groups[index].correction = Array(correction[range]) }
      if let selection = batch.selection { groups[index].selection = Array(selection[range]) }
      offset = range.upperBound
    }
    return true
  }

  /// Clips, or skips, and updates.
  private func apply(_ step: UInt64, _ totals: inout StepTotals) -> AppliedUpdate {
    let norm = gradient.norm()
    let rate = schedule.at(update: Int(moments.updates))
    if let critic {
      let share = settings.learningRate > 0 ? rate / settings.learningRate : 1
      totals.addCritic(norm: critic.apply(learningRate: share * settings.criticLearningRate))
    }
    let isWarmup = critic != nil && step < settings.criticWarmupSteps
    let isSkipped = isWarmup || !norm.isFinite || norm > settings.skipNorm ?? .infinity
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

/// Which update of a run.
struct UpdatePlace {
  var step: UInt64
  /// Of the update within its step.
  var index: Int

  /// Tells apart what is drawn for one pass from all others.
  func key(microBatch: Int) -> UInt64 {
    step << 32 | UInt64(index & 0xFFFF) << 16 | UInt64(microBatch & 0xFFFF)
  }
}

import Estimator
import Randomness

// Families whose ratio is another one, capped, shared, selected or corrected.
extension GoldenFamily {
  private static let statistics: Set = ["normalise_by_std", "epsilon", "std"]
  private static let clip: Set = [
    "clip_low", "clip_high", "dual_clip", "log_ratio_clamp", "aggregation", "constant",
  ]

  private static func sequence(_ name: String, inputs: Set<String>) -> GoldenFamily {
    GoldenFamily(
      parameters: clip.union(statistics).union(["kl_coef", "kl_kind", "ratio"]), inputs: inputs,
      build: { golden, layout in
        let parameters = golden.parameters
        var algorithm = try catalogue(name)
        algorithm.advantage = try parameters.groupAdvantage(normalised: true)
        algorithm.rollouts.mask = try parameters.mask()
        algorithm.rollouts.aggregation = try parameters.aggregation(
          layout, else: "seq-mean-token-mean")
        algorithm.kl = try parameters.kl()
        return algorithm
      },
      fields: ["sequence_ratio": EstimatorCheck.compareSequenceRatio],
      metrics: [
        "clip_ratio/low_mean": { try $0.clipShares(.low).mean },
        "clip_ratio/low_min": { try $0.clipShares(.low).least },
        "clip_ratio/high_mean": { try $0.clipShares(.high).mean },
        "clip_ratio/high_max": { try $0.clipShares(.high).most },
        "clip_ratio/region_mean": { try $0.clipShares(.both).mean },
      ])
  }

  static let gspo = sequence("gspo", inputs: [])

  static let gspoToken: GoldenFamily = {
    var family = sequence("gspo_token", inputs: ["advantages_in"])
    family.assemble = EstimatorCheck.takeGivenAdvantages
    return family
  }()

  static let cispo = GoldenFamily(
    parameters: clip.union(statistics),
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("cispo")
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      let clamp =
        parameters.has("log_ratio_clamp") ? try parameters.number("log_ratio_clamp") : 20
      algorithm.rollouts.mask = StabilizationMask(
        .cap, logRatioClamp: clamp,
        weightMin: try parameters.number("clip_low").map { max(0, 1 - $0) },
        weightMax: try parameters.number("clip_high").map { 1 + $0 })
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      return algorithm
    },
    fields: ["importance_weight": EstimatorCheck.compareImportanceWeight])

  /// The peers' own bounds stand beside the final ones, which they come to.
  static let cispoVariants = GoldenFamily(
    parameters: statistics.union([
      "weight_min", "weight_max", "peer_clip_low", "peer_clip_high", "aggregation", "constant",
      "log_ratio_clamp",
    ]),
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("cispo")
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.mask = StabilizationMask(
        .cap, logRatioClamp: try parameters.number("log_ratio_clamp"),
        weightMin: try parameters.number("weight_min"),
        weightMax: try parameters.number("weight_max"))
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      return algorithm
    },
    fields: ["importance_weight": EstimatorCheck.compareImportanceWeight],
    metrics: ["cispo_clip_ratio": { try $0.cappedShare() }])

  static let entropyCovariance = GoldenFamily(
    parameters: statistics.union([
      "method", "clip_cov_ratio", "clip_cov_lb", "clip_cov_ub", "clip_ratio", "kl_cov_ratio",
      "ppo_kl_coef", "quota", "selected", "aggregation", "constant",
    ]),
    build: { golden, layout in
      let parameters = golden.parameters
      let method = try parameters.required("method").string()
      guard let kind = TokenSelection.Kind(rawValue: method) else {
        throw GoldenProblem("the method \(method) is not understood")
      }
      var algorithm = try catalogue(method)
      var selection = TokenSelection(kind)
      selection.ratio = try parameters.number("\(method)_ratio") ?? selection.ratio
      selection.lower = try parameters.number("clip_cov_lb") ?? selection.lower
      selection.upper = try parameters.number("clip_cov_ub") ?? selection.upper
      selection.coefficient = try parameters.number("ppo_kl_coef") ?? selection.coefficient
      algorithm.rollouts.selection = selection
      // KL-Cov does not clip, whatever clip range stands in the file.
      algorithm.rollouts.mask = kind == .klCovariance ? .none : try parameters.mask()
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      return algorithm
    },
    evaluate: EstimatorCheck.evaluateSelected,
    fields: ["decisions": EstimatorCheck.compareSelection],
    metrics: [
      // The peers report what the selection dropped, and KL-Cov |log r|.
      "pg_clipfrac": { try $0.selectedShare() },
      "ppo_kl": { try $0.klOfSelection() },
    ])
}

extension EstimatorCheck {
  func takeGivenAdvantages(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    guard let given = try run.layout.tokens("advantages_in") else { return try run.assemble() }
    run.advantages = given
  }

  func compareSequenceRatio(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let parts = try run.parts
    let starts = run.batch?.rowStarts ?? []
    var ratios = run.layout.lengths.map { _ in 1.0 }
    for (row, sample) in run.samples.enumerated() {
      let trained = run.layout.trained[sample].firstIndex(of: true)
      if let trained { ratios[sample] = parts.ratio[starts[row] + trained] }
    }
    comparison.numbers("sequence_ratio", ratios, try golden.comparableNumbers())
  }

  func compareImportanceWeight(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    try comparison.ragged("importance_weight", run.spread(try run.parts.ratio), golden)
  }

  /// `quota` and `selected` say how many tokens the peer picked; where the band holds no more than
  /// these, its draw was forced, and so is ours.
  func evaluateSelected(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    guard var batch = run.batch else { return }
    try run.algorithm.select(
      &batch, stream: RandomStream(seed: 0, purpose: .selection), key: 0)
    for key in ["quota", "selected"] {
      guard let count = try run.golden.parameters.integer(key) else { continue }
      comparison.equal(key, batch.selection?.count { $0 } ?? 0, count)
    }
    run.batch = batch
    run.evaluation = try run.algorithm.evaluate(batch, recordingParts: true)
  }

  func compareSelection(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    try refuseUnknown("decision", in: golden, known: ["token_covariance", "selected_tokens"])
    let trained = run.batch?.trained ?? []
    let candidates = trained.indices.filter { trained[$0] }
    let advantages = run.samples.flatMap { run.advantages[$0] }
    if let value = golden["token_covariance"], let batch = run.batch {
      let covariances = TokenSelection.covariances(
        advantages: candidates.map { advantages[$0] },
        logProbabilities: candidates.map { batch.logProbability[$0] })
      var flat = trained.map { _ in 0.0 }
      for (token, covariance) in zip(candidates, covariances) { flat[token] = covariance }
      try comparison.ragged("token_covariance", run.spread(flat), value)
    }
    if let value = golden["selected_tokens"] {
      let selected = run.spread((run.batch?.selection ?? []).map { $0 ? 1 : 0 })
      let ours = selected.enumerated().flatMap { sample, row in
        row.indices.filter { row[$0] == 1 }.map { [sample, $0] }
      }
      comparison.equal("selected_tokens", ours, try value.raggedIntegers())
    }
  }
}

// Metrics as the peers count them.
extension GoldenRun {
  enum ClipSide {
    case low
    case high
    case both
  }

  func klOfSelection() throws -> Double {
    guard let batch = batch, let old = batch.logProbabilityOld,
      algorithm.rollouts.selection?.kind == .klCovariance
    else { return try diagnostics.referenceKL }
    let trained = batch.trained.indices.filter { batch.trained[$0] }
    return mean(trained.map { abs(batch.logProbability[$0] - old[$0]) })
  }

  func selectedShare() throws -> Double {
    let selected = batch?.selection?.count { $0 } ?? 0
    return Double(selected) / Double(max(1, batch?.trained.count { $0 } ?? 0))
  }

  /// TRL counts a capped weight where it holds back a push: Â > 0.
  func cappedShare() throws -> Double {
    let (parts, bound) = (try parts, algorithm.rollouts.mask.weightMax ?? .infinity)
    guard let batch, let old = batch.logProbabilityOld else { return 0 }
    let trained = batch.trained.indices.filter { batch.trained[$0] }
    let capped = trained.count {
      batch.logProbability[$0] - old[$0] > logarithm(bound) && parts.advantage[$0] > 0
    }
    return trained.isEmpty ? 0 : Double(capped) / Double(trained.count)
  }

  /// TRL's shares of clipped ratios: over responses where Â is one number of the response, over
  /// tokens where it is not; least and most over responses.
  func clipShares(_ side: ClipSide) throws -> (mean: Double, least: Double, most: Double) {
    let parts = try parts
    guard let batch else { throw GoldenProblem("a metric without log-probabilities") }
    var shares: [Double] = []
    var (all, tokens) = (0, 0)
    for row in batch.rows.indices {
      let trained = (batch.rowStarts[row]..<batch.rowStarts[row + 1]).filter { batch.trained[$0] }
      guard !trained.isEmpty else { continue }
      let clipped = trained.count { token in
        guard parts.mask[token] == 0, parts.advantage[token] != 0 else { return false }
        return side == .both || (side == .high) == (parts.advantage[token] > 0)
      }
      shares.append(Double(clipped) / Double(trained.count))
      all += clipped
      tokens += trained.count
    }
    let overTokens = golden.inputs["advantages_in"] != nil
    return (
      overTokens ? Double(all) / Double(max(1, tokens)) : mean(shares),
      shares.min() ?? 0, shares.max() ?? 0
    )
  }
}

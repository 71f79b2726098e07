extension Algorithm {
  /// The catalogue's algorithm `name`, with `parameters` laid over it.
  ///
  /// - Parameters:
  ///   - parameters: `form` chooses between paper and released code (released unless given); the rest
  ///     replaces parts.
  /// - Throws: `.unknownName` listing the known ones; `.badParameter` for a value out of range or two
  ///   that exclude one another.
  public static func named(_ name: String, parameters: AlgorithmParameters = .init())
    throws(EstimatorError) -> Algorithm
  {
    guard names.contains(name) else { throw .unknown("algorithm", name, known: names) }
    let form = try choice(parameters.form, "form", default: Form.released)
    guard let entry = catalog.first(where: { $0.name == name && $0.form == form }) else {
      throw .unknown("form of \(name)", form.rawValue, known: Form.allCases.map(\.rawValue))
    }
    // An aggregation that the parameters replace needs no constant of its own.
    let replaced = parameters.aggregation.kind != nil
    var algorithm = try entry.build(parameters.aggregation.constant ?? (replaced ? 1 : nil))
    algorithm.gate = try gate(parameters.gate, over: algorithm.gate)
    algorithm.advantage = try advantage(parameters.advantage, over: algorithm.advantage)
    algorithm.rollouts.reference = try choice(
      parameters.reference, "reference", default: algorithm.rollouts.reference)
    algorithm.rollouts.mask = try mask(parameters.mask, over: algorithm.rollouts.mask)
    algorithm.rollouts.aggregation = try aggregation(
      parameters.aggregation, over: algorithm.rollouts.aggregation)
    algorithm.demonstrations.aggregation = try aggregation(
      parameters.sftAggregation, over: algorithm.demonstrations.aggregation)
    algorithm.rollouts.weight = parameters.rlWeight ?? algorithm.rollouts.weight
    algorithm.demonstrations.weight = parameters.sftWeight ?? algorithm.demonstrations.weight
    algorithm.entropy = try entropy(parameters, over: algorithm.entropy)
    algorithm.kl = try kl(parameters.kl, over: algorithm.kl)
    algorithm.normalizerScope = try choice(
      parameters.normalizers, "normaliser scope", default: algorithm.normalizerScope)
    try algorithm.validate()
    return algorithm
  }

  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String?, _ what: String, default value: Choice
  ) throws(EstimatorError) -> Choice where Choice.RawValue == String {
    guard let name else { return value }
    guard let choice = Choice(rawValue: name) else {
      throw .unknown(what, name, known: Choice.allCases.map(\.rawValue))
    }
    return choice
  }

  private static func gate(
    _ parameters: AlgorithmParameters.GateParameters, over base: Gate
  ) throws(EstimatorError) -> Gate {
    var gate = base
    gate.component = parameters.component ?? base.component
    gate.rolloutWeight = parameters.rlWeight ?? base.rolloutWeight
    gate.demonstrationWeight = parameters.sftWeight ?? base.demonstrationWeight
    let kind = parameters.kind ?? base.kind
    switch kind {
    case "rl": gate.rule = .reinforce
    case "sft": gate.rule = .imitate
    case "switch": gate.rule = .switch(try threshold(parameters, over: base))
    default: throw .unknown("gate", kind, known: ["switch", "rl", "sft"])
    }
    let hasThreshold =
      parameters.thresholdCount != nil || parameters.thresholdOffCount != nil
      || parameters.thresholdShare != nil
    if hasThreshold, kind != "switch" {
      throw .parameter(
        "gate", "the gate \(kind) has no threshold",
        remedy: "Leave the thresholds out, or choose `kind: switch`.")
    }
    return gate
  }

  private static func threshold(
    _ parameters: AlgorithmParameters.GateParameters, over base: Gate
  ) throws(EstimatorError) -> Gate.Threshold {
    let (count, off) = (parameters.thresholdCount, parameters.thresholdOffCount)
    if let share = parameters.thresholdShare {
      guard count == nil, off == nil else {
        throw .parameter(
          "gate", "threshold_share and threshold_count exclude one another",
          remedy: "Keep one of them.")
      }
      return .share(share)
    }
    if case .switch(let threshold) = base.rule, count == nil, off == nil { return threshold }
    if case .switch(.count(let known, let knownOff)) = base.rule {
      return .count(count ?? known, offCount: off ?? knownOff)
    }
    return .count(count ?? 0, offCount: off)
  }

  private static func advantage(
    _ parameters: AlgorithmParameters.AdvantageParameters, over base: AdvantageEstimate
  ) throws(EstimatorError) -> AdvantageEstimate {
    let (epsilon, bessel) =
      if case .normalized(let epsilon, let bessel) = base.kind { (epsilon, bessel) } else {
        (1e-6, true)
      }
    let kind = parameters.kind ?? base.kind.name
    let singleton = try choice(parameters.singleton, "singleton", default: base.singleton)
    if kind != "normalized", parameters.stdEpsilon != nil || parameters.bessel != nil {
      throw .parameter(
        "advantage", "\(kind) has no standard deviation",
        remedy: "Leave std_epsilon and bessel out, or choose `kind: normalized`.")
    }
    switch kind {
    case "reward": return AdvantageEstimate(.reward, singleton: singleton)
    case "signed": return AdvantageEstimate(.signed, singleton: singleton)
    case "centered": return AdvantageEstimate(.centered, singleton: singleton)
    case "leave_one_out": return AdvantageEstimate(.leaveOneOut, singleton: singleton)
    case "normalized":
      return AdvantageEstimate(
        .normalized(
          epsilon: parameters.stdEpsilon ?? epsilon, bessel: parameters.bessel ?? bessel),
        singleton: singleton)
    default: throw .unknown("advantage", kind, known: AdvantageEstimate.Kind.names)
    }
  }

  private static func mask(
    _ parameters: AlgorithmParameters.MaskParameters, over base: StabilizationMask
  ) throws(EstimatorError) -> StabilizationMask {
    var mask = base
    switch parameters.kind {
    case nil: break
    case "none":
      let bounds = [
        parameters.clipLow, parameters.clipHigh, parameters.dualClip, parameters.logRatioClamp,
        parameters.ratioCap,
      ]
      guard bounds.allSatisfy({ $0 == nil }) else {
        throw .parameter(
          "mask", "kind: none and a bound exclude one another", remedy: "Keep one of them.")
      }
      return .none
    case "clip":
      mask.clipLow = mask.clipLow ?? 0.2
      mask.clipHigh = mask.clipHigh ?? 0.2
    case .some(let kind): throw .unknown("mask", kind, known: ["none", "clip"])
    }
    mask.clipLow = parameters.clipLow ?? mask.clipLow
    mask.clipHigh = parameters.clipHigh ?? mask.clipHigh
    mask.dualClip = bound(parameters.dualClip, over: mask.dualClip)
    mask.logRatioClamp = bound(parameters.logRatioClamp, over: mask.logRatioClamp)
    mask.ratioCap = bound(parameters.ratioCap, over: mask.ratioCap)
    return mask
  }

  private static func bound(_ value: Double?, over base: Double?) -> Double? {
    guard let value else { return base }
    return value == 0 ? nil : value
  }

  private static func aggregation(
    _ parameters: AlgorithmParameters.AggregationParameters, over base: Aggregation
  ) throws(EstimatorError) -> Aggregation {
    guard parameters.kind != nil || parameters.constant != nil else { return base }
    return try Aggregation(
      named: parameters.kind ?? base.name, constant: parameters.constant ?? base.constant)
  }

  private static func entropy(_ parameters: AlgorithmParameters, over base: EntropyBonus?)
    throws(EstimatorError) -> EntropyBonus?
  {
    let weight = parameters.entropyWeight ?? base?.weight ?? 0
    guard weight != 0 else { return nil }
    return EntropyBonus(
      weight: weight,
      aggregation: try aggregation(
        parameters.entropyAggregation, over: base?.aggregation ?? .tokenMean))
  }

  private static func kl(_ parameters: AlgorithmParameters.KLParameters, over base: KLPenalty?)
    throws(EstimatorError) -> KLPenalty?
  {
    if parameters.kind == "none" { return nil }
    let weight = parameters.weight ?? base?.weight
    if parameters.kind == nil, base == nil {
      guard parameters == .init() else {
        throw .parameter(
          "kl", "it has no kind", remedy: "Give `kind`, for example k3, or leave `kl` out.")
      }
      return nil
    }
    guard let weight else {
      throw .parameter("kl.weight", "a KL penalty has none", remedy: "Give it a weight.")
    }
    if weight == 0 { return nil }
    return KLPenalty(
      try choice(parameters.kind, "KL penalty", default: base?.kind ?? .k3), weight: weight,
      place: try choice(parameters.place, "place of the KL penalty", default: base?.place ?? .loss),
      logRatioClamp: bound(parameters.logRatioClamp, over: base?.logRatioClamp),
      valueClamp: bound(parameters.valueClamp, over: base?.valueClamp))
  }
}

extension AdvantageEstimate.Kind {
  /// The names by which YAML knows the kinds.
  public static let names = ["reward", "signed", "centered", "normalized", "leave_one_out"]

  public var name: String {
    switch self {
    case .reward: "reward"
    case .signed: "signed"
    case .centered: "centered"
    case .normalized: "normalized"
    case .leaveOneOut: "leave_one_out"
    }
  }
}

extension Algorithm {
  /// The parameters that write this algorithm out in full, key by key, so that
  /// `named(name, parameters: parameters)` is the algorithm again.
  public var parameters: AlgorithmParameters {
    var written = AlgorithmParameters()
    written.form = form.rawValue
    written.gate = .init(
      kind: gate.kind, component: gate.component, rlWeight: gate.rolloutWeight,
      sftWeight: gate.demonstrationWeight)
    if case .switch(let threshold) = gate.rule {
      switch threshold {
      case .count(let count, let off):
        (written.gate.thresholdCount, written.gate.thresholdOffCount) = (count, off)
      case .share(let share): written.gate.thresholdShare = share
      }
    }
    written.advantage = .init(
      kind: advantage.kind.name, singleton: advantage.singleton.rawValue)
    if case .normalized(let epsilon, let bessel) = advantage.kind {
      (written.advantage.stdEpsilon, written.advantage.bessel) = (epsilon, bessel)
    }
    written.reference = rollouts.reference.rawValue
    (written.rlWeight, written.sftWeight) = (rollouts.weight, demonstrations.weight)
    let mask = rollouts.mask
    written.mask =
      mask == .none
      ? .init(kind: "none")
      : .init(
        kind: mask.isClipped ? "clip" : nil, clipLow: mask.clipLow, clipHigh: mask.clipHigh,
        dualClip: mask.dualClip ?? 0, logRatioClamp: mask.logRatioClamp ?? 0,
        ratioCap: mask.ratioCap ?? 0)
    written.aggregation = .init(
      kind: rollouts.aggregation.name, constant: rollouts.aggregation.constant)
    written.sftAggregation = .init(
      kind: demonstrations.aggregation.name, constant: demonstrations.aggregation.constant)
    written.entropyWeight = entropy?.weight ?? 0
    written.entropyAggregation = .init(
      kind: entropy?.aggregation.name, constant: entropy?.aggregation.constant)
    written.kl =
      kl.map {
        .init(
          kind: $0.kind.rawValue, weight: $0.weight, place: $0.place.rawValue,
          logRatioClamp: $0.logRatioClamp ?? 0, valueClamp: $0.valueClamp ?? 0)
      } ?? .init(kind: "none")
    written.normalizers = normalizerScope.rawValue
    return written
  }
}

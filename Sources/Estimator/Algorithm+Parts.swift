/// One part of an algorithm as a reader sees it: what a table of algorithms is made of.
public struct PartDescription: Sendable, Equatable {
  /// The part: `gate`, `advantage`, `reference`, `mask`, `aggregation`, ...
  public var part: String
  /// The choice, as YAML names it.
  public var name: String
  public var equation: String
  public var scope: PartScope
}

extension Algorithm {
  /// The algorithm part by part, in the order in which the parts act.
  public var parts: [PartDescription] {
    var parts = [
      PartDescription(part: "gate", name: gate.kind, equation: gate.equation, scope: gate.scope),
      PartDescription(
        part: "advantage", name: advantage.kind.name, equation: advantage.kind.equation,
        scope: advantage.scope),
    ]
    for (prefix, term) in [("", rollouts), ("sft_", demonstrations)] {
      parts += [
        PartDescription(
          part: "\(prefix)reference", name: term.reference.rawValue,
          equation: term.reference.equation, scope: term.reference.scope),
        PartDescription(
          part: "\(prefix)mask", name: term.mask == .none ? "none" : "clip",
          equation: term.mask.equation, scope: term.mask.scope),
        PartDescription(
          part: "\(prefix)aggregation", name: term.aggregation.name,
          equation: term.aggregation.equation, scope: term.aggregation.scope),
      ]
    }
    if let entropy {
      parts.append(
        PartDescription(
          part: "entropy", name: entropy.aggregation.name,
          equation: "−\(entropy.weight) · mean entropy", scope: .token))
    }
    if let kl {
      parts.append(
        PartDescription(
          part: "kl", name: kl.kind.rawValue,
          equation: "\(kl.weight) · \(kl.kind.rawValue) in the \(kl.place.rawValue)",
          scope: kl.scope))
    }
    return parts
  }
}

extension Gate {
  var equation: String {
    switch rule {
    case .reinforce: "(α, β) = (\(rolloutWeight), 0)"
    case .imitate: "(α, β) = (0, \(demonstrationWeight))"
    case .switch(.count(let count, let off)):
      "SFT if solved ≤ \(max(count, off ?? count)), else RL"
    case .switch(.share(let share)): "SFT if P ≤ \(share), else RL"
    }
  }
}

extension AdvantageEstimate.Kind {
  var equation: String {
    switch self {
    case .reward: "R"
    case .signed: "+1 if R > 0, else −1"
    case .centered: "R − mean(R)"
    case .normalized(let epsilon, let bessel):
      "(R − mean(R)) / (std(R) + \(epsilon)), std with n\(bessel ? " − 1" : "")"
    case .leaveOneOut: "R − mean of the others"
    }
  }
}

extension ReferenceDenominator {
  var equation: String {
    switch self {
    case .current: "π_ref = π_θ, ratio 1"
    case .updateStart: "π_ref = π_old"
    case .rollout: "π_ref = π_rollout"
    case .one: "π_ref = 1"
    }
  }
}

extension StabilizationMask {
  var equation: String {
    var bounds: [String] = []
    if let clipLow { bounds.append("r ≥ 1 − \(clipLow) where Â < 0") }
    if let clipHigh { bounds.append("r ≤ 1 + \(clipHigh) where Â > 0") }
    if let dualClip { bounds.append("r ≤ \(dualClip) where Â < 0") }
    if let logRatioClamp { bounds.append("|log r| ≤ \(logRatioClamp)") }
    if let ratioCap { bounds.append("r ≤ \(ratioCap)") }
    return bounds.isEmpty ? "1" : bounds.joined(separator: ", ")
  }
}

extension Aggregation {
  var equation: String {
    switch self {
    case .tokenMean: "1 / T"
    case .sequenceMeanTokenMean: "1 / (T_i · S)"
    case .sequenceMeanTokenSum: "1 / S"
    case .sequenceMeanTokenSumNorm(let constant): "1 / \(constant)"
    case .batchMeanTokenSumNorm(let constant): "1 / (\(constant) · B)"
    case .groupMeanTokenSum: "1 / (n · Q)"
    case .groupMeanTokenMean: "1 / (T_i · n · Q)"
    }
  }
}

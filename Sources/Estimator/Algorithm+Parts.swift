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
  /// The algorithm part by part, in the order in which the parts act. Terms that no group can have
  /// are left out.
  public var parts: [PartDescription] {
    var parts = [
      PartDescription(
        part: "gate", name: gate.kind.rawValue, equation: gate.equation, scope: gate.scope)
    ]
    if gate.usesRollouts || gate.joinsDemonstrations {
      parts.append(
        PartDescription(
          part: "advantage", name: customAdvantage?.name ?? advantage.kind.rawValue,
          equation: customAdvantage?.equation ?? advantage.equation, scope: advantage.scope))
    }
    if gate.usesRollouts { parts += rollouts.parts("") }
    if gate.joinsDemonstrations { parts += offPolicy.parts("off_") }
    if gate.imitates { parts += imitation.parts("sft_") }
    if let value {
      parts.append(
        PartDescription(
          part: "critic", name: value.aggregation.kind.rawValue,
          equation:
            "½ · mean of max((v − R)², (v within ±\(value.clip.map { "\($0)" } ?? "∞") − R)²)",
          scope: .token))
    }
    if let entropy {
      parts.append(
        PartDescription(
          part: "entropy", name: entropy.aggregation.kind.rawValue,
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

extension PolicyTerm {
  fileprivate func parts(_ prefix: String) -> [PartDescription] {
    var parts = [
      PartDescription(
        part: "\(prefix)reference", name: reference.rawValue, equation: reference.equation,
        scope: level.scope)
    ]
    let maskName = custom?.name ?? mask.kind.rawValue
    parts.append(
      PartDescription(
        part: "\(prefix)mask", name: level == .sequence ? "\(maskName) of sequences" : maskName,
        equation: custom?.equation ?? mask.equation, scope: level.scope))
    if shape != .none {
      parts.append(
        PartDescription(
          part: "\(prefix)shape", name: shape.kind.rawValue, equation: shape.equation,
          scope: .token))
    }
    if credit.kind != .advantage, credit.kind != .one {
      parts.append(
        PartDescription(
          part: "\(prefix)credit", name: credit.kind.rawValue, equation: credit.equation,
          scope: credit.scope))
    }
    if let selection {
      parts.append(
        PartDescription(
          part: "\(prefix)selection", name: selection.kind.rawValue,
          equation: selection.equation, scope: .batch))
    }
    if let correction {
      parts.append(
        PartDescription(
          part: "\(prefix)correction", name: correction.level.rawValue,
          equation: "× min(π_\(correction.numerator.rawValue)/μ, \(correction.cap))",
          scope: correction.scope))
    }
    parts.append(
      PartDescription(
        part: "\(prefix)aggregation", name: aggregation.kind.rawValue,
        equation: weight == 1 ? aggregation.equation : "\(weight) · \(aggregation.equation)",
        scope: aggregation.scope))
    return parts
  }
}

extension ReferenceDenominator {
  var equation: String {
    switch self {
    case .current: "π_ref = π_θ, ratio 1"
    case .currentFromStart: "π_ref = π_θ, ratio 1, loss from log π_old"
    case .updateStart: "π_ref = π_old"
    case .rollout: "π_ref = π_rollout"
    case .one: "π_ref = 1"
    case .behaviour: "π_ref = π_behaviour"
    }
  }
}

extension StabilizationMask {
  var equation: String {
    var bounds: [String] = []
    switch kind {
    case .none: break
    case .clip:
      if let clipLow { bounds.append("r ≥ 1 − \(clipLow) where Â < 0") }
      if let clipHigh { bounds.append("r ≤ 1 + \(clipHigh) where Â > 0") }
      if let dualClip { bounds.append("r ≤ \(dualClip) where Â < 0") }
      if let ratioCap { bounds.append("r ≤ \(ratioCap)") }
    case .cap:
      bounds.append(
        "1, r within [\(weightMin ?? 0), \(weightMax.map { "\($0)" } ?? "∞")]")
    case .smooth:
      bounds.append(
        "4σ(1 − σ), σ = σ(τ(r − 1)), τ = \(temperaturePositive) where Â > 0, else "
          + "\(temperatureNegative)")
    }
    if let logRatioClamp { bounds.append("|log r| ≤ \(logRatioClamp)") }
    return bounds.isEmpty ? "1" : bounds.joined(separator: ", ")
  }
}

extension ShapingFunction {
  var equation: String {
    switch kind {
    case .none: "f = p"
    case .fraction: "f = p/(p + \(constant))"
    case .root: "f = √p"
    case .power: "f = p^\(constant)"
    case .log: "f = \(constant)·log p"
    case .logLinear: "f = \(constant)·log p + p"
    }
  }
}

extension Credit {
  var equation: String {
    switch kind {
    case .advantage: "Â as assembled"
    case .one: "1"
    case .implicitReward:
      "\(beta)·w/(k − 1), w = (R − R̄) − (R_θ − R̄_θ), R_θ = \(beta)·Σ log(π_θ/π_\(against.rawValue))"
    case .preference:
      "±\(beta)·σ(−d), d = \(beta)·difference of Σ log(π_θ/π_\(against.rawValue))"
    case .entropySign: "\(positive)·exp(H) if right, else −\(negative)"
    case .entropyDecay: "\(positive)·exp(−H)"
    }
  }
}

extension TokenSelection {
  var equation: String {
    switch kind {
    case .clipCovariance: "0 at \(ratio)·T random tokens with \(lower) < C < \(upper)"
    case .klCovariance: "+ \(coefficient)·|log r| at the \(ratio)·T tokens of largest C"
    }
  }
}

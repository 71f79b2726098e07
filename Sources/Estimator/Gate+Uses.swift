// Which terms an algorithm with this gate can need.
extension Gate {
  /// Some group may train on its rollouts.
  public var usesRollouts: Bool { kind != .imitate && kind != .pairs && rolloutWeight != 0 }

  /// Some group's demonstration may be a member beside the rollouts.
  public var joinsDemonstrations: Bool {
    guard offPolicyWeight != 0 else { return false }
    switch kind {
    case .reinforce, .imitate, .switch: return false
    case .join, .pairs: return true
    case .soft: return softType != 2
    case .table: return offPolicyTable.contains { $0 != 0 }
    }
  }

  /// A demonstration's own verdict matters: it takes part in the group's statistics. Pairs that were
  /// imported say themselves which response is the better one.
  public var judgesDemonstrations: Bool { joinsDemonstrations && kind != .pairs }

  /// Some group's demonstration may be imitated.
  public var imitates: Bool {
    guard demonstrationWeight != 0 else { return false }
    if imitationSteps > 0 { return true }
    switch kind {
    case .reinforce, .pairs: return false
    case .imitate, .switch, .join, .soft: return true
    case .table: return demonstrationTable.contains { $0 != 0 }
    }
  }

  /// The first step whose groups are asked for rollouts: before it, everything is imitated.
  public var firstRolloutStep: UInt64 { imitationSteps }
}

extension AdvantageEstimate {
  /// Kinds that give a row one number, which a discounted sum can spread over its tokens.
  var takesDiscounting: Bool { kind != .gae && kind != .riskBundle && kind != .preference }
}

extension Gate {
  /// As a reader of a table of algorithms sees it.
  public var equation: String {
    var text: String
    switch kind {
    case .reinforce: text = "(α, β) = (\(rolloutWeight), 0)"
    case .imitate: text = "(α, β) = (0, \(demonstrationWeight))"
    case .switch:
      text =
        thresholdShare.map { "SFT if P ≤ \($0), else RL" }
        ?? "SFT if solved ≤ \(max(thresholdCount, thresholdOffCount ?? thresholdCount)), else RL"
    case .join:
      text = "(α, off, β) = (\(rolloutWeight), \(offPolicyWeight), \(demonstrationWeight))"
    case .pairs: text = "imported pairs"
    case .soft: text = "(α, off, β) by released table \(softType)"
    case .table: text = "(α, off, β) = (f(P), off(P), g(P))"
    }
    if imitationSteps > 0 { text = "SFT at steps below \(imitationSteps), then \(text)" }
    if let filter {
      let keep = filter.adaptive.isEmpty ? "\(filter.keep)" : "\(filter.adaptive)"
      text += "; the \(keep) best by \(filter.score)"
    }
    if let spread {
      text +=
        spread.rule == .solved
        ? "; only 0 < solved < n" : "; only where \(spread.component) differs"
    }
    return text
  }
}

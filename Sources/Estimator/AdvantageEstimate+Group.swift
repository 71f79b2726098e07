// The kinds that give one number per row.

extension AdvantageEstimate {
  /// One Â per reward, in order, for the members of one group.
  ///
  /// - Precondition: the kind gives one number per row (not `gae`, `risk_bundle`, `preference`), and
  ///   every reward is finite.
  public func advantages(rewards: [Double]) -> [Double] {
    var numbers = rewards
    rewardsToAdvantages(&numbers)
    return numbers
  }

  /// Replaces the rewards of one group's members by their Â.
  func rewardsToAdvantages(_ numbers: inout [Double]) {
    switch kind {
    case .reward: break
    case .signed: for index in numbers.indices { numbers[index] = numbers[index] > 0 ? 1 : -1 }
    case .centered, .normalized, .leaveOneOut, .logAverageExp: subtractBaseline(&numbers)
    case .gae, .riskBundle, .preference:
      preconditionFailure("AdvantageEstimate: \(kind.rawValue) has no number per row of a group")
    }
  }

  private func subtractBaseline(_ numbers: inout [Double]) {
    guard let first = numbers.first else { return }
    guard numbers.count > 1 else {
      if singleton == .zero { numbers[0] = 0 }
      // verl's mean 0 and standard deviation 1.
      if singleton == .reward, kind == .normalized { numbers[0] = first / (1 + stdEpsilon) }
      return
    }
    if numbers.allSatisfy({ $0 == first }) {
      for index in numbers.indices { numbers[index] = 0 }
      return
    }
    let count = Double(numbers.count)
    let baseline =
      kind == .logAverageExp ? logAverageExp(numbers) : numbers.reduce(0, +) / count
    for index in numbers.indices { numbers[index] -= baseline }
    switch kind {
    case .normalized:
      let squares = numbers.reduce(0) { $0 + $1 * $1 }
      let divisor = (squares / (bessel ? count - 1 : count)).squareRoot() + stdEpsilon
      // The squares of a spread below 1e-154 underflow; without ε nothing is left to divide by.
      for index in numbers.indices { numbers[index] = divisor > 0 ? numbers[index] / divisor : 0 }
    case .leaveOneOut:
      for index in numbers.indices { numbers[index] *= count / (count - 1) }
    default: break
    }
  }

  /// `τ·log mean(exp(R / τ))`, relative to the largest reward so that no exponential overflows.
  private func logAverageExp(_ rewards: [Double]) -> Double {
    let most = rewards.reduce(-Double.infinity) { max($0, $1) }
    let sum = rewards.reduce(0) { $0 + exponential(($1 - most) / temperature) }
    return most + temperature * naturalLogarithm(sum / Double(rewards.count))
  }
}

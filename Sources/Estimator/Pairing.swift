/// How preference pairs come from a group's verdicts (for DPO).
///
/// A chosen response is one with the largest reward of its group, a rejected one has a smaller reward.
/// Imported pairs (a row's `chosen` and `rejected`) need none of this.
public struct Pairing: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// The i-th best with the i-th worst, as long as their rewards differ: each response in at most
    /// one pair.
    case matched
    /// Every pair of responses whose rewards differ.
    case all
    /// The first of the best with the last of the worst: one pair.
    case extremes
  }

  public var kind: Kind
  /// Least difference of rewards.
  public var margin: Double

  public init(_ kind: Kind = .matched, margin: Double = 0) {
    self.kind = kind
    self.margin = margin
  }

  /// Pairs of indices into `rewards`, (chosen, rejected), best first; empty where no rewards differ by
  /// more than the margin. Of equal rewards the lower index counts as the better one.
  public func pairs(_ rewards: [Double]) -> [PreferencePair] {
    let order = rewards.indices.sorted { (-rewards[$0], $0) < (-rewards[$1], $1) }
    func differ(_ better: Int, _ worse: Int) -> Bool {
      rewards[better] - rewards[worse] > max(margin, 0)
    }
    switch kind {
    case .extremes:
      guard let best = order.first, let worst = order.last, differ(best, worst) else { return [] }
      return [PreferencePair(chosen: best, rejected: worst)]
    case .matched:
      return (0..<order.count / 2).compactMap { index in
        let (better, worse) = (order[index], order[order.count - 1 - index])
        return differ(better, worse) ? PreferencePair(chosen: better, rejected: worse) : nil
      }
    case .all:
      return order.indices.flatMap { first in
        order[(first + 1)...].compactMap { worse in
          differ(order[first], worse)
            ? PreferencePair(chosen: order[first], rejected: worse) : nil
        }
      }
    }
  }
}

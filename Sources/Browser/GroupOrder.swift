import Inspector

/// In which order the groups of a step stand.
enum GroupOrder: String, CaseIterable {
  case number
  case reward
  case solved
  case length
  case source

  var next: GroupOrder {
    let all = Self.allCases
    return all[((all.firstIndex(of: self) ?? 0) + 1) % all.count]
  }

  /// Equal ones stay in stored order.
  func sorted(_ groups: [GroupSummary], isReversed: Bool) -> [GroupSummary] {
    let ordered = groups.sorted { left, right in
      precedes(left, right) ?? (left.group < right.group)
    }
    return isReversed ? ordered.reversed() : ordered
  }

  /// Nil where they are equal.
  private func precedes(_ left: GroupSummary, _ right: GroupSummary) -> Bool? {
    func compare<T: Comparable>(_ left: T, _ right: T) -> Bool? {
      left == right ? nil : left < right
    }
    switch self {
    case .number: return nil
    case .reward: return compare(mean(left.rewards), mean(right.rewards))
    case .solved: return compare(share(left), share(right))
    case .length: return compare(left.lengths.max() ?? 0, right.lengths.max() ?? 0)
    case .source: return compare(left.source, right.source)
    }
  }

  /// Groups without a reward stand first.
  private func mean(_ rewards: [Double?]) -> Double {
    let known = rewards.compactMap { $0 }
    return known.isEmpty ? -.infinity : known.reduce(0, +) / Double(known.count)
  }

  private func share(_ group: GroupSummary) -> Double {
    guard let solved = group.solved, let total = group.total, total > 0 else { return -1 }
    return Double(solved) / Double(total)
  }
}

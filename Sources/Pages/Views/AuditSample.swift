import Inspector
import Records

/// Rollouts of groups that lie evenly over a run.
struct AuditSample {
  struct Rollout {
    var group: GroupID
    var step: UInt64
    var index: Int
    var question: String
    var length: Int
    var reward: Double?
    var isRight: Bool
    var rule: String
    var error: String?
    var answer: String?
    /// Its first characters.
    var text: String
    /// The text without case, white space and numbers: alike for near-duplicates.
    var shape: String
  }

  private(set) var rollouts: [Rollout] = []
  private(set) var groups = 0

  /// Characters of a text that are shown, and that are compared.
  private static let shown = 200
  private static let compared = 2000

  init(_ stored: StoredRun, _ range: Range<GroupID>, most: Int) throws {
    let stride = max(1, (range.count + most - 1) / most)
    for group in Swift.stride(from: range.lowerBound, to: range.upperBound, by: stride) {
      let view = try stored.group(group)
      groups += 1
      for (index, rollout) in view.rollouts.enumerated() {
        let verdict = rollout.verdict
        rollouts.append(
          Rollout(
            group: group, step: view.step, index: index, question: view.id,
            length: rollout.tokenCount, reward: verdict?.reward,
            isRight: (verdict?.components["accuracy"] ?? verdict?.reward) == 1,
            rule: verdict?.rule ?? "", error: verdict?.error,
            answer: verdict?.extracted.map { String($0.prefix(Self.shown)) },
            text: String(rollout.text.prefix(Self.shown)), shape: Self.shape(of: rollout.text)))
      }
    }
  }

  private static func shape(of text: String) -> String {
    var shape = ""
    for character in text.prefix(compared).lowercased() where !character.isWhitespace {
      if character.isNumber {
        if shape.last != "#" { shape.append("#") }
      } else {
        shape.append(character)
      }
    }
    return shape
  }

  /// Rollouts by something that they have, the most frequent first, the order of names after that.
  func mostFrequent(
    _ value: (Rollout) -> String?, most: Int
  ) -> [(String, [Rollout])] {
    var found: [String: [Rollout]] = [:]
    for rollout in rollouts {
      if let value = value(rollout) { found[value, default: []].append(rollout) }
    }
    let sorted = found.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
    return sorted.prefix(most).map { ($0.key, $0.value) }
  }

  /// Some of the groups of rollouts, each once.
  static func groups(_ rollouts: [Rollout]) -> [GroupID] {
    Array(Set(rollouts.map(\.group)).sorted().prefix(12))
  }

  /// Questions whose mean reward rose from their first group to their last, and whose best rollouts owe
  /// it to another rule of the verifier than before.
  func changes(most: Int) -> [AuditView.Change] {
    var found: [AuditView.Change] = []
    for (id, own) in Dictionary(grouping: rollouts, by: \.question).sorted(by: { $0.key < $1.key })
    {
      let groups = Set(own.map(\.group)).sorted()
      guard let first = groups.first, let last = groups.last, first < last,
        let before = Self.look(own.filter { $0.group == first }),
        let after = Self.look(own.filter { $0.group == last }),
        after.reward > before.reward, after.rule != before.rule
      else { continue }
      found.append(AuditView.Change(id: id, first: before, last: after))
      if found.count == most { break }
    }
    return found
  }

  private static func look(_ group: [Rollout]) -> AuditView.Look? {
    let given = group.compactMap(\.reward)
    guard let best = group.max(by: { ($0.reward ?? -.infinity) < ($1.reward ?? -.infinity) }),
      !given.isEmpty
    else { return nil }
    return AuditView.Look(
      group: best.group, step: best.step, reward: given.reduce(0, +) / Double(given.count),
      rule: best.rule)
  }
}

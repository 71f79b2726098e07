import Randomness
import Records

/// Seeded records of every kind, with the awkward values among them: empty lists, empty and
/// non-ASCII text, infinities where they are numbers, the largest integers that a record may hold.
struct RandomRecords {
  private let stream: RandomStream
  private var drawn: UInt64 = 0

  init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .dataset) }

  mutating func below(_ bound: Int) -> Int {
    drawn += 1
    return Int(stream.integer(below: UInt64(bound), drawn))
  }

  mutating func bits() -> UInt64 {
    drawn += 1
    return [0, 1, .max, stream.bits(drawn)][below(4)]
  }

  /// A step, a group, a position.
  mutating func ordinal() -> UInt64 { min(bits(), RecordLimits.number - 1) }

  mutating func smallCount() -> UInt32 {
    min(UInt32(truncatingIfNeeded: bits()), RecordLimits.count - 1)
  }

  mutating func tokens() -> [Int32] {
    list(9) { Int32(truncatingIfNeeded: $0.bits() & 0x7FFF_FFFF) }
  }

  mutating func digest() -> [UInt8] {
    below(4) == 0 ? [] : (0..<32).map { _ in UInt8(truncatingIfNeeded: bits()) }
  }

  /// A number that a stage computes with.
  mutating func finite() -> Double {
    let number = self.number()
    return number.isFinite ? number : 0.5
  }

  mutating func number() -> Double {
    let draw = stream.uniform(bits())
    return [0, -0.0, 1, .infinity, -.infinity, .leastNonzeroMagnitude, draw, -1e300 * draw][
      below(8)]
  }

  mutating func text() -> String {
    ["", "a", "12 + 7 = ?", "Ω ≤ 3", "e\u{301}", "👩‍👩‍👧", "line\nline\u{0}"][below(7)]
  }

  mutating func list<Element>(
    _ most: Int = 4, _ element: (inout RandomRecords) -> Element
  ) -> [Element] {
    (0..<below(most + 1)).map { _ in element(&self) }
  }

  mutating func maybe<Value>(_ value: (inout RandomRecords) -> Value) -> Value? {
    below(2) == 0 ? nil : value(&self)
  }

  mutating func trajectory() -> Trajectory {
    let tokens = self.tokens()
    let cut = below(tokens.count + 1)
    let roles: [Role] = [.assistant, .tool, .user]
    return Trajectory(
      tokens: tokens,
      spans: [
        Span(role: roles[below(3)], trained: below(2) == 0, count: cut),
        Span(role: roles[below(3)], trained: below(2) == 0, count: tokens.count - cut),
      ],
      logProbabilities: below(2) == 0 ? [] : tokens.map { _ in Float(number()) },
      finish: below(2) == 0 ? .stop : .length,
      quantities: ["entropy", "Ω"].prefix(below(3)).map { name in
        RecordedQuantity(name: name, values: tokens.map { _ in Float(number()) })
      })
  }

  mutating func prompt() -> PromptRecord {
    let content: Prompt.Content =
      below(2) == 0
      ? .text(text()) : .messages(list { Message(role: $0.text(), content: $0.text()) })
    let tags = Dictionary(
      list { ($0.text(), $0.text()) }, uniquingKeysWith: { first, _ in first })
    return PromptRecord(
      step: ordinal(), wave: smallCount(), epoch: ordinal(), position: ordinal(),
      dataset: UInt32(below(3)), rollouts: UInt32(below(9)),
      prompt: Prompt(
        id: text(), content: content, groundTruth: text(), demonstrations: list { $0.text() },
        rejected: list { $0.text() }, source: text(), tags: tags))
  }

  mutating func rollouts() -> RolloutRecord {
    let refusal = maybe { $0.text() }
    return RolloutRecord(
      policyVersion: ordinal(), weightsDigest: digest(), promptTokens: tokens(),
      demonstrations: list(2) { $0.trajectory() }, rejected: list(2) { $0.trajectory() },
      rollouts: refusal == nil ? list { $0.trajectory() } : [], refusal: refusal, seconds: number())
  }

  mutating func verdicts() -> VerdictRecord {
    VerdictRecord(
      verdicts: list { $0.verdict() }, demonstrations: list(2) { $0.verdict() },
      seconds: list { $0.number() })
  }

  private mutating func verdict() -> Verdict {
    let start = below(1000)
    let span = start..<start + below(1000)
    return Verdict(
      outcome: below(3) == 0
        ? .error(text())
        : .scored(
          reward: finite(),
          components: list(3) { RewardComponent(name: $0.text(), value: $0.finite()) }),
      extracted: maybe { $0.text() }, span: maybe { _ in span }, rule: text(),
      critique: maybe { $0.text() })
  }

  mutating func decision() -> DecisionRecord {
    let drop = maybe { $0.text() }
    let total = below(9)
    // 0 and 1 name a rollout that stays; the rest is gone.
    let places = (0..<UInt32(total)).map { ($0, drop == nil ? below(3) : 2) }
    return DecisionRecord(
      kept: places.filter { $0.1 == 0 }.map(\.0), idle: places.filter { $0.1 == 1 }.map(\.0),
      demonstration: drop == nil ? [.unused, .imitated, .joins, .both][below(4)] : .unused,
      rolloutWeight: finite(), offPolicyWeight: finite(), demonstrationWeight: finite(),
      solved: UInt32(below(total + 1)), total: UInt32(total), drop: drop, rule: text())
  }

  mutating func batch() -> LossBatchRecord {
    let first = min(ordinal(), RecordLimits.number - 100)
    var next = first
    func group() -> GroupID {
      defer { next += 1 }
      return next
    }
    let groups = list { $0.lossGroup(group()) }
    let drops = list { LossDrop(group: group(), reason: $0.text()) }
    let epochs = groups.isEmpty ? 0 : 1 + below(2)
    return LossBatchRecord(
      step: ordinal(), firstGroup: first, endGroup: next + 1, groups: groups, drops: drops,
      updates: (0..<epochs).flatMap { _ in
        let cut = below(groups.count)
        return [Array(0..<UInt32(cut)), Array(UInt32(cut)..<UInt32(groups.count))]
          .filter { !$0.isEmpty }
      },
      metrics: list { Measurement($0.text(), $0.number()) })
  }

  private mutating func lossGroup(_ group: GroupID) -> LossGroup {
    let rows = (0..<UInt32(below(5))).map { index in
      LossRow(
        source: [.rollout(index), .demonstration(index), .rejected(index)][below(3)],
        advantages: list { $0.finite() }, returns: list { $0.finite() },
        reward: finite(), isIdle: below(2) == 0)
    }
    let last = UInt32(max(1, rows.count)) - 1
    return LossGroup(
      group: group, rolloutWeight: finite(), offPolicyWeight: finite(),
      demonstrationWeight: finite(), rows: rows,
      pairs: rows.count < 2 ? [] : [LossPair(chosen: 0, rejected: last)])
  }

  mutating func update() -> UpdateRecord {
    let updates = list { $0.list { Measurement($0.text(), $0.number()) } }
    return UpdateRecord(
      step: ordinal(), weightsDigest: digest(), criticDigest: digest(), adamUpdates: bits(),
      metrics: list { Measurement($0.text(), $0.number()) }, updates: updates,
      logProbabilities: below(2) == 0 ? [] : updates.map { _ in list { Float($0.number()) } },
      timings: list { Measurement($0.text(), $0.number()) })
  }

  mutating func demand() -> DemandRecord {
    DemandRecord(
      step: ordinal(), wave: smallCount(),
      missing: UInt32(truncatingIfNeeded: bits()))
  }

  /// One of each kind.
  mutating func all() -> [any StoredRecord] {
    [prompt(), rollouts(), verdicts(), decision(), batch(), update(), demand()]
  }
}

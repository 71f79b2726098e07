import Randomness
import Records

/// Seeded records of every kind, with the awkward values among them: empty lists, empty and
/// non-ASCII text, infinities, the largest integers.
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
    let tokens = list(9) { Int32(truncatingIfNeeded: $0.bits()) }
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
      quantities: list(2) { records in
        RecordedQuantity(name: records.text(), values: tokens.map { _ in Float(records.number()) })
      })
  }

  mutating func prompt() -> PromptRecord {
    let content: Prompt.Content =
      below(2) == 0
      ? .text(text()) : .messages(list { Message(role: $0.text(), content: $0.text()) })
    let tags = Dictionary(
      list { ($0.text(), $0.text()) }, uniquingKeysWith: { first, _ in first })
    return PromptRecord(
      step: bits(), wave: UInt32(truncatingIfNeeded: bits()), epoch: bits(), position: bits(),
      dataset: UInt32(below(3)), rollouts: UInt32(below(9)),
      prompt: Prompt(
        id: text(), content: content, groundTruth: text(), demonstrations: list { $0.text() },
        rejected: list { $0.text() }, source: text(), tags: tags))
  }

  mutating func rollouts() -> RolloutRecord {
    RolloutRecord(
      policyVersion: bits(), weightsDigest: list(32) { UInt8(truncatingIfNeeded: $0.bits()) },
      promptTokens: list(9) { Int32(truncatingIfNeeded: $0.bits()) },
      demonstrations: list(2) { $0.trajectory() }, rejected: list(2) { $0.trajectory() },
      rollouts: list { $0.trajectory() },
      refusal: maybe { $0.text() }, seconds: number())
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
          reward: number(),
          components: list(3) { RewardComponent(name: $0.text(), value: $0.number()) }),
      extracted: maybe { $0.text() }, span: maybe { _ in span }, rule: text(),
      critique: maybe { $0.text() })
  }

  mutating func decision() -> DecisionRecord {
    DecisionRecord(
      kept: list(8) { UInt32(truncatingIfNeeded: $0.bits()) },
      idle: list(8) { UInt32(truncatingIfNeeded: $0.bits()) },
      demonstration: [.unused, .imitated, .joins, .both][below(4)], rolloutWeight: number(),
      offPolicyWeight: number(), demonstrationWeight: number(), solved: UInt32(below(9)),
      total: UInt32(below(9)),
      drop: maybe { $0.text() }, rule: text())
  }

  mutating func batch() -> LossBatchRecord {
    LossBatchRecord(
      step: bits(), firstGroup: bits(), endGroup: bits(),
      groups: list { records in
        LossGroup(
          group: records.bits(), rolloutWeight: records.number(),
          offPolicyWeight: records.number(), demonstrationWeight: records.number(),
          rows: records.list { records in
            let index = UInt32(records.below(9))
            return LossRow(
              source: [.rollout(index), .demonstration(index), .rejected(index)][
                records.below(3)],
              advantages: records.list { $0.number() }, returns: records.list { $0.number() },
              reward: records.number(), isIdle: records.below(2) == 0)
          },
          pairs: records.list {
            LossPair(chosen: UInt32($0.below(9)), rejected: UInt32($0.below(9)))
          })
      }, drops: list { LossDrop(group: $0.bits(), reason: $0.text()) },
      updates: list { $0.list { UInt32(truncatingIfNeeded: $0.bits()) } },
      metrics: list { Measurement($0.text(), $0.number()) })
  }

  mutating func update() -> UpdateRecord {
    UpdateRecord(
      step: bits(), weightsDigest: list(32) { UInt8(truncatingIfNeeded: $0.bits()) },
      criticDigest: list(32) { UInt8(truncatingIfNeeded: $0.bits()) }, adamUpdates: bits(),
      metrics: list { Measurement($0.text(), $0.number()) },
      updates: list { $0.list { Measurement($0.text(), $0.number()) } },
      logProbabilities: list { $0.list { Float($0.number()) } },
      timings: list { Measurement($0.text(), $0.number()) })
  }

  mutating func demand() -> DemandRecord {
    DemandRecord(
      step: bits(), wave: UInt32(truncatingIfNeeded: bits()),
      missing: UInt32(truncatingIfNeeded: bits()))
  }

  /// One of each kind.
  mutating func all() -> [any StoredRecord] {
    [prompt(), rollouts(), verdicts(), decision(), batch(), update(), demand()]
  }
}

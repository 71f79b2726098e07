import Records

extension Verdict {
  /// No verdict, because none came from outside.
  static func unanswered(_ reason: String, by name: String) -> Verdict {
    Verdict(outcome: .error("\(name): \(reason.shortened)"), rule: "error")
  }

  /// A reward with what else was measured; `accuracy` is the first component.
  static func rewarded(
    _ reward: Double, isRight: Bool, _ further: [RewardComponent] = [], rule: String,
    critique: String? = nil
  ) -> Verdict {
    let accuracy = RewardComponent(name: "accuracy", value: isRight ? 1 : 0)
    return Verdict(
      outcome: .scored(reward: reward, components: [accuracy] + further), rule: rule,
      critique: critique)
  }
}

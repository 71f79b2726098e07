import Records

/// What a gate reads of one group: verdicts, and nothing of the policy.
public struct GateInput: Sendable {
  /// The training step that the group belongs to, from 0: schedules read it.
  public var step: UInt64
  /// In the group's order; may be empty (plain SFT).
  public var rollouts: [GateRollout]
  /// How many demonstrations the question has.
  public var demonstrations: Int
  /// The group's id, which errors name and nothing else reads.
  public var group: UInt64

  public init(
    step: UInt64, rollouts: [GateRollout], demonstrations: Int, group: UInt64 = 0
  ) {
    self.step = step
    self.rollouts = rollouts
    self.demonstrations = demonstrations
    self.group = group
  }
}

/// One rollout as its verifier saw it.
public struct GateRollout: Sendable {
  public var reward: Double
  /// The parts of the reward by name, and whatever else the verifier counted.
  public var components: [(name: String, value: Double)]
  /// Tokens of the response, its end token included.
  public var tokens: Int

  public init(
    reward: Double, components: [(name: String, value: Double)] = [], tokens: Int
  ) {
    self.reward = reward
    self.components = components
    self.tokens = tokens
  }

  /// The reward under the name `reward`, the tokens under `length`, else the first component of
  /// that name; nil if there is none. A verdict without a component `accuracy` is one whose reward says
  /// nothing else.
  public func value(of name: String) -> Double? {
    switch name {
    case "reward": reward
    case "length": Double(tokens)
    default:
      components.first { $0.name == name }?.value ?? (name == Gate.accuracy ? reward : nil)
    }
  }
}

extension GateInput {
  /// Where rollout `index` is, for errors.
  func location(_ index: Int) -> String { "group \(group), rollout \(index)" }

  /// The number called `name` of each rollout; nil if a rollout has none.
  ///
  /// - Throws: `.notFinite`: an error of the verifier must be dropped with its own reason before
  ///   the gate.
  func values(of name: String) throws(EstimatorError) -> [Double]? {
    var values: [Double] = []
    for (index, rollout) in rollouts.enumerated() {
      guard let value = rollout.value(of: name) else { return nil }
      guard value.isFinite else {
        throw EstimatorError(
          code: .notFinite, location: location(index), problem: "the verdict's \(name) is \(value)",
          remedy: "Drop the group, or look for the verifier that produced it.",
          exitStatus: .mismatch)
      }
      values.append(value)
    }
    return values
  }
}

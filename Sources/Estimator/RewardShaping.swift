/// A rollout's reward before any statistics: another expression of the verdict, less a penalty for
/// running into the length limit. Scope: sequence.
///
/// Soft overlong punishment (DAPO, arXiv 2503.14476, equation 13), with L_max the limit, L_cache the
/// buffer and E = L_max − L_cache:
///
///     L ≤ E             0
///     E < L ≤ L_max     factor · (E − L) / L_cache
///     L > L_max         −factor with `overlongFloor` (the paper); otherwise on down the same line
///                       (verl, ms-swift)
public struct RewardShaping: Sendable, Equatable {
  /// A ``ScoreExpression`` over `reward`, `length` and the verdict's components that replaces the
  /// reward; nil: the reward itself.
  public var expression: String?
  /// L_max in tokens; nil: no punishment.
  public var overlongLimit: Int?
  /// L_cache in tokens.
  public var overlongBuffer: Int
  public var overlongFactor: Double
  public var overlongFloor: Bool

  public init(
    expression: String? = nil, overlongLimit: Int? = nil, overlongBuffer: Int = 0,
    overlongFactor: Double = 1, overlongFloor: Bool = false
  ) {
    self.expression = expression
    self.overlongLimit = overlongLimit
    self.overlongBuffer = overlongBuffer
    self.overlongFactor = overlongFactor
    self.overlongFloor = overlongFloor
  }

  /// Leaves every reward as it is.
  public static let none = RewardShaping()

  /// What a response of `tokens` tokens gets on top of its reward: 0 or less.
  public func overlongPenalty(tokens: Int) -> Double {
    guard let limit = overlongLimit, tokens > limit - overlongBuffer else { return 0 }
    // Without a buffer there is no line to go down, only the step at the limit.
    if overlongBuffer == 0 || (overlongFloor && tokens > limit) { return -overlongFactor }
    let excess = Double(tokens - (limit - overlongBuffer))
    return -excess / Double(overlongBuffer) * overlongFactor
  }

  /// Refuses parameters out of their range and an expression that does not parse.
  public func validate() throws(EstimatorError) {
    if let limit = overlongLimit, limit < 1 || !(0...limit).contains(overlongBuffer) {
      throw .parameter(
        "reward.overlong_buffer", "\(overlongBuffer) tokens before a limit of \(limit)",
        remedy: "Give a limit from 1 on and a buffer from 0 to the limit (published: 20480, 4096).")
    }
    if !(overlongFactor >= 0 && overlongFactor.isFinite) {
      throw .parameter(
        "reward.overlong_factor", "\(overlongFactor) is not a number from 0 on",
        remedy: "Give a number from 0 on (published: 1).")
    }
    _ = try RewardShaper(self)
  }
}

/// A ``RewardShaping`` whose expression is compiled: made once, asked per rollout.
public struct RewardShaper: Sendable {
  private let shaping: RewardShaping
  private let expression: ScoreExpression?

  /// - Throws: what ``ScoreExpression`` says about a text that does not parse.
  public init(_ shaping: RewardShaping) throws(EstimatorError) {
    self.shaping = shaping
    if let text = shaping.expression {
      expression = try ScoreExpression(text, key: "reward.expression")
    } else {
      expression = nil
    }
  }

  /// The first component that the expression reads and `rollout` lacks; nil: it can be shaped.
  public func missing(in rollout: GateRollout) -> String? { expression?.missing(in: rollout) }

  /// The reward of one response after shaping.
  ///
  /// - Parameter location: whose it is, for the error: `group 17, rollout 3`.
  /// - Throws: `.missingQuantity` for a component that is missing, `.notFinite` for a division by zero
  ///   or a result that is no number.
  public func shaped(_ rollout: GateRollout, location: String) throws(EstimatorError) -> Double {
    let reward = try expression?.value(of: rollout, location: location) ?? rollout.reward
    return reward + shaping.overlongPenalty(tokens: rollout.tokens)
  }
}

import Foundation

/// A small run that the laboratory disturbs: one of `Tests/CrashLab/Subjects`.
public struct Subject: Hashable, Sendable {
  public let name: String
  /// Committed steps at its end.
  public let steps: Int
  /// Tokens that one chunk of groups can hold: groups × rollouts × response limit.
  public let tokensPerChunk: Int

  /// Hybrid post-training with an evaluation before and one after.
  public static let hpt = Subject(name: "hpt", steps: 18, tokensPerChunk: 5 * 4 * 16)
  /// A critic beside the policy.
  public static let ppo = Subject(name: "ppo", steps: 18, tokensPerChunk: 5 * 4 * 16)
  /// Dynamic sampling in waves.
  public static let dapo = Subject(name: "dapo", steps: 12, tokensPerChunk: 5 * 6 * 16)
  /// State of the loss assembler.
  public static let riskpo = Subject(name: "riskpo", steps: 18, tokensPerChunk: 5 * 4 * 16)
  /// Few disk calls: for striking at every one of them.
  public static let brief = Subject(name: "brief", steps: 3, tokensPerChunk: 2 * 2 * 12)

  /// Those that campaigns go through by default.
  public static let standard = [hpt, ppo, dapo, riskpo]
  public static let all = standard + [brief]

  public var definition: String {
    Repository.root + "/Tests/CrashLab/Subjects/\(name).yaml"
  }
}

/// How the stages of a run are spread over processes.
public enum Form: String, Sendable, CaseIterable {
  /// `pipeline run` and `pipeline resume`.
  case whole
  /// `pipeline run stage … --follow`, six times.
  case stages

  /// The names of the stages as processes.
  public static let stageNames = ["reader", "rollout", "verifier", "gate", "loss", "optimizer"]

  static func index(of stage: String) -> Int {
    guard let index = stageNames.firstIndex(of: stage) else {
      preconditionFailure("no stage is named \(stage)")
    }
    return index
  }
}

/// A reward as one character.
public enum RewardMark {
  /// ● for 1, ○ for 0, ◐ for anything between, ± for other values and ! for an error of the verifier.
  public static func mark(_ reward: Double?) -> String {
    switch reward {
    case nil: "!"
    case 1: "●"
    case 0: "○"
    case let reward? where reward > 0 && reward < 1: "◐"
    default: "±"
    }
  }
}

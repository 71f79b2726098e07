public import Verifiers

/// The verifiers that ask something outside: a program, a language model, a reward model, a test.
///
/// `VerifierEntry` names them and their parameters.
public enum Judges {
  /// Makes one of them; it asks for nothing until it is prepared.
  ///
  /// - Throws: for parameters that are missing, or do not go together.
  public static func make(
    _ name: String, _ parameters: VerifierParameters, _ context: VerifierContext
  ) throws(VerifierError) -> any Verifier {
    switch name {
    case "command": try CommandVerifier(parameters)
    case "judge": try JudgeVerifier(parameters, folder: context.folder)
    case "reward-model": try RewardModelVerifier(parameters)
    default: preconditionFailure("nobody makes the verifier \(name)")
    }
  }
}

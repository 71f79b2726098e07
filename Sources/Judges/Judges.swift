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
    case "code": try CodeVerifier(parameters)
    case "judge": try JudgeVerifier(parameters, folder: context.folder)
    case "reward-model": try RewardModelVerifier(parameters)
    default: preconditionFailure("nobody makes the verifier \(name)")
    }
  }

  /// Tries the sandbox of the verifier `code`.
  /// - Throws: what the machine lacks.
  public static func probeSandbox() throws(JudgeError) {
    let limits = Sandbox.Limits(
      timeoutSeconds: 10, memoryBytes: 1 << 30, processes: 1, diskBytes: 1 << 20, outputBytes: 1024)
    try Sandbox(limits, readable: []).probe()
  }

  /// What the machine lacks that the sandbox does without; nil: nothing.
  public static var sandboxWeakness: String? { Sandbox.weakness }
}

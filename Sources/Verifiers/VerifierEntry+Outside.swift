extension VerifierEntry {
  /// Verifiers that ask something outside. Their names and parameters are known here, so that a
  /// definition is checked the same way whoever reads it; ``VerifierContext/outside`` makes them.
  static let outside: [VerifierEntry] = [
    asking(
      "code", "a program that passes the tests of the ground truth, in a sandbox",
      [
        "allow_code", "interpreter", "readable", "timeout_seconds", "memory_megabytes",
        "processes", "disk_megabytes", "output_kilobytes", "partial", "parallel",
      ]),
    asking(
      "command", "what a program of your own says, in lines of JSON",
      ["program", "workers", "timeout_seconds"]),
    asking(
      "judge", "what a language model behind an endpoint says by a rubric",
      [
        "url", "model", "api_key", "rubric", "lowest", "highest", "pass", "seed", "reply_tokens",
        "reply_format", "timeout_seconds", "retries", "retry_seconds", "parallel", "prompt_price",
        "completion_price",
      ]),
    asking(
      "reward-model", "a score of a sequence classifier, at least that which passes",
      ["model", "pass"]),
  ]

  private static func asking(
    _ name: String, _ summary: String, _ parameters: [String]
  ) -> VerifierEntry {
    VerifierEntry(name, summary, parameters) { (parameters, context) throws(VerifierError) in
      guard let outside = context.outside else {
        throw VerifierError(
          "name", "\(name) asks something outside, which cannot be done here",
          remedy: "Name a verifier that computes its verdicts.")
      }
      return .verifier(try outside(name, parameters, context))
    }
  }
}

extension VerifierParameter {
  /// Of the verifiers that ask something outside, in the order in which they are shown.
  static let outside: [VerifierParameter] = asked

  private static let asked: [VerifierParameter] = [
    VerifierParameter(
      "program", .texts, "command: the program and its arguments. Required."),
    VerifierParameter(
      "workers", .integer(1...256), unit: "processes", isOperational: true,
      "command: how often the program is started, each for one response at a time. Default 1."),
    VerifierParameter(
      "timeout_seconds", .number(0.01...86_400), unit: "seconds",
      "command, judge: how long one answer may take (default 60); code: how long one test may "
        + "(default 10)."),
  ]
}

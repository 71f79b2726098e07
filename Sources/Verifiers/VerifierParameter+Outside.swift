extension VerifierParameter {
  /// Of the verifiers that ask something outside, in the order in which they are shown.
  static let outside: [VerifierParameter] = asked + code + judge

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
    VerifierParameter(
      "parallel", .integer(1...256), isOperational: true,
      "judge: requests at once (default 8); code: sandboxes at once (default: as many as cores)."),
    VerifierParameter(
      "model", .text,
      "judge: the model's name at the endpoint; reward-model: a directory with a model for sequence "
        + "classification. Required."),
    VerifierParameter(
      "pass", .number(finite),
      "judge, reward-model: the score from which on a response is right. judge requires it; without "
        + "it no response is right for a reward-model."),
  ]

  private static let code: [VerifierParameter] = [
    VerifierParameter(
      "allow_code", .flag, "code: must be true: programs that a model wrote run on this machine."),
    VerifierParameter(
      "interpreter", .texts,
      "code: what runs the program, whose file is the last argument. Default [python3]."),
    VerifierParameter(
      "readable", .texts,
      "code: folders beside those of the system that the program may read. Default none."),
    VerifierParameter(
      "memory_megabytes", .integer(16...1_048_576), unit: "MB",
      "code: address space of each process. Default 1024."),
    VerifierParameter(
      "processes", .integer(1...4096),
      "code: processes and threads of one sandbox together. Default 8."),
    VerifierParameter(
      "disk_megabytes", .integer(1...65_536), unit: "MB",
      "code: what fits into the sandbox's only writable folder, which is in memory. Default 64."),
    VerifierParameter(
      "output_kilobytes", .integer(1...1_048_576), unit: "kB",
      "code: output of one test. Default 1024."),
    VerifierParameter(
      "partial", .flag, "code: the reward is the share of tests that pass. Default false: 1 or 0."),
  ]

  private static let judge: [VerifierParameter] = [
    VerifierParameter(
      "url", .text, isOperational: true,
      "judge: the endpoint up to its version, as in http://127.0.0.1:8000/v1. Required."),
    VerifierParameter(
      "api_key", .secret, isOperational: true, "judge: the key that is sent. Default none."),
    VerifierParameter(
      "rubric", .text, "judge: what is good, in words for the judging model. Required."),
    VerifierParameter("lowest", .number(finite), "judge: the worst score. Default 1."),
    VerifierParameter("highest", .number(finite), "judge: the best score. Default 10."),
    VerifierParameter(
      "seed", .integer(0...0x7FFF_FFFF), "judge: sent with every request. Default 0."),
    VerifierParameter(
      "reply_tokens", .integer(16...1_048_576), unit: "tokens",
      "judge: the longest reply. Default 1024."),
    VerifierParameter(
      "reply_format", .choice(["json_schema", "json_object", "none"]), isOperational: true,
      "judge: how the endpoint is told to reply in JSON. Default json_schema."),
    VerifierParameter(
      "retries", .integer(0...1000), isOperational: true,
      "judge: how often a request without a usable reply is sent again. Default 6."),
    VerifierParameter(
      "retry_seconds", .number(0...3600), unit: "seconds", isOperational: true,
      "judge: the wait before the first of them, doubled for each further one, at most 60. "
        + "Default 0.5."),
    VerifierParameter(
      "prompt_price", .number(0...1e6), isOperational: true,
      "judge: of a million tokens sent, in a currency of yours. Default none."),
    VerifierParameter(
      "completion_price", .number(0...1e6), isOperational: true,
      "judge: of a million tokens received. Default none."),
  ]
}

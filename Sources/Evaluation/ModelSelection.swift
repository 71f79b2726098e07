/// What a base model promises as the start of training: how its groups of rollouts on training prompts
/// would look, and what an answer costs.
public struct ModelSelection: Sendable, Equatable, Encodable {
  public var model: String
  /// Training prompts that were asked and judged.
  public var prompts: Int
  /// Rollouts in a group.
  public var samples: Int
  /// Shares of the groups without a right rollout (HPT learns from the demonstration, GRPO has no
  /// gradient), with right and wrong ones (what reinforcement learns from), and with right ones alone
  /// (nothing to learn). nil without a judged prompt.
  public var allWrong: Double?
  public var mixed: Double?
  public var allRight: Double?
  /// Share of right rollouts on training prompts.
  public var accuracy: Double?
  /// Over all suites and training prompts.
  public var tokensPerAnswer: Double?
  /// Of this machine while it sampled: to be compared within one sitting.
  public var tokensPerSecond: Double?
  public var secondsPerThousandAnswers: Double?
  /// In the unit of the hour's price; nil where none was given.
  public var costPerThousandAnswers: Double?

  /// - Parameters:
  ///   - training: the model on a sample of training prompts.
  ///   - others: the model on suites.
  ///   - hourlyPrice: of the machine.
  public init(
    training: EvaluationResult, others: [EvaluationResult], hourlyPrice: Double? = nil
  ) {
    let groups = training.questions.filter { $0.judged > 0 }
    func share(_ holds: (QuestionSamples) -> Bool) -> Double? {
      groups.isEmpty ? nil : Double(groups.count(where: holds)) / Double(groups.count)
    }
    model = training.model
    prompts = groups.count
    samples = training.statistics.k
    allWrong = share { $0.right == 0 }
    allRight = share { $0.right == $0.judged }
    mixed = share { $0.right > 0 && $0.right < $0.judged }
    accuracy = training.statistics.average?.value
    let results = [training] + others
    tokensPerAnswer = SuiteStatistics.mean(
      results.flatMap(\.questions).flatMap(\.samples).map { Double($0.tokens) })
    tokensPerSecond = results.reduce(SamplingPace()) { $0 + $1.pace }.tokensPerSecond
    if let tokensPerAnswer, let tokensPerSecond {
      let seconds = 1000 * tokensPerAnswer / tokensPerSecond
      secondsPerThousandAnswers = seconds
      costPerThousandAnswers = hourlyPrice.map { $0 * seconds / 3600 }
    }
  }
}

public import Stages

extension Summary.Suite {
  /// What a run's summary says of a suite: the figures that `pipeline eval` gives for the same samples.
  /// A suite of which nothing was judged has a mean of 0, no questions' levels, and its errors.
  ///
  /// - Parameter group: nil for a dataset's source.
  public init(_ statistics: SuiteStatistics, group: EvaluationSuite.Group?) {
    let average = statistics.average
    self.init(
      mean: average?.value ?? 0, k: statistics.k, questions: statistics.questions,
      low: average?.low ?? 0, high: average?.high ?? 0, levels: statistics.levels,
      group: group?.rawValue, errors: statistics.errors)
  }
}

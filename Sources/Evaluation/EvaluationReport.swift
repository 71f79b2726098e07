/// Models on suites, as papers show them: a row for each model, a column for each suite, an average over
/// the suites like what is trained and one over those out of distribution; below it whatever says how far
/// the figures can be trusted.
public struct EvaluationReport: Sendable, Encodable {
  /// One model on one suite.
  public struct Entry: Sendable, Encodable {
    public var suite: String
    public var title: String
    /// `id` or `ood`.
    public var group: String
    /// The evaluation's directory.
    public var folder: String
    public var statistics: SuiteStatistics
    /// Template, sampling, grader with its version, digests: all on which the figures depend.
    public var settings: [String: String]
  }

  public struct Row: Sendable, Encodable {
    public var model: String
    public var suites: [Entry]
    /// Means of `average` over the suites of a group; nil where one of them has none.
    public var insideAverage: SuiteStatistics.Estimate?
    public var outsideAverage: SuiteStatistics.Estimate?

    public func entry(_ suite: String) -> Entry? { suites.first { $0.suite == suite } }
  }

  /// Two models on the questions of a suite: the first row's, and another one's.
  public struct Comparison: Sendable, Encodable {
    public var suite: String
    public var title: String
    public var first: String
    public var second: String
    /// nil where no question has a verdict of both.
    public var paired: PairedComparison?
  }

  public var models: [Row] = []
  public var comparisons: [Comparison] = []
  /// Where training prompts were asked too, in the models' order.
  public var selection: [ModelSelection] = []

  /// - Parameter results: of each model those of its suites. The first model is what others are compared
  ///   with.
  public init(_ results: [[EvaluationResult]]) {
    models = results.map(Row.init)
    guard let first = results.first else { return }
    for other in results.dropFirst() {
      for result in other {
        guard let base = first.first(where: { $0.suite == result.suite }) else { continue }
        comparisons.append(
          Comparison(
            suite: result.suite, title: result.title, first: base.model, second: result.model,
            paired: PairedComparison(base.questions, result.questions, name: result.suite)))
      }
    }
  }

  /// The suites of all models, those like what is trained first, else in the order in which they came.
  public var suites: [(name: String, title: String, isOutside: Bool, k: Int)] {
    var suites: [(name: String, title: String, isOutside: Bool, k: Int)] = []
    for entry in models.flatMap(\.suites) where !suites.contains(where: { $0.name == entry.suite })
    {
      suites.append((entry.suite, entry.title, entry.isOutside, entry.statistics.k))
    }
    return suites.filter { !$0.isOutside } + suites.filter(\.isOutside)
  }
}

extension EvaluationReport.Entry {
  var isOutside: Bool { group == EvaluationSuite.Group.outside.rawValue }
}

extension EvaluationReport.Row {
  fileprivate init(_ results: [EvaluationResult]) {
    model = results.first?.model ?? ""
    suites = results.map {
      .init(
        suite: $0.suite, title: $0.title, group: $0.file.group, folder: $0.folder,
        statistics: $0.statistics, settings: $0.file.identity)
    }
    insideAverage = Self.average(suites.filter { !$0.isOutside }.map(\.statistics))
    outsideAverage = Self.average(suites.filter(\.isOutside).map(\.statistics))
  }

  /// The mean over suites, with the interval of the mean over their resamples, which are independent.
  private static func average(_ suites: [SuiteStatistics]) -> SuiteStatistics.Estimate? {
    let values = suites.compactMap(\.average?.value)
    guard let mean = SuiteStatistics.mean(values), values.count == suites.count else { return nil }
    let resampled = (0..<Bootstrap.replicates).map { replicate in
      suites.reduce(0) { $0 + $1.resampled[replicate] } / Double(suites.count)
    }
    return Bootstrap.interval(of: resampled).map {
      SuiteStatistics.Estimate(value: mean, low: $0.low, high: $0.high)
    }
  }
}

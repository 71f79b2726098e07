/// What a model's samples on the questions of one suite come to. docs/evaluation.md defines every figure.
public struct SuiteStatistics: Sendable, Equatable, Encodable {
  /// A mean over questions with its bootstrap interval.
  public struct Estimate: Sendable, Equatable, Encodable {
    public var value: Double
    public var low: Double
    public var high: Double

    public init(value: Double, low: Double, high: Double) {
      self.value = value
      self.low = low
      self.high = high
    }
  }

  /// A figure for k samples.
  public struct AtK: Sendable, Equatable, Encodable {
    public var k: Int
    public var value: Double
    /// Of 95 %; for the powers of two, and for the largest k.
    public var low: Double?
    public var high: Double?
    /// Questions that have k samples with a verdict.
    public var questions: Int
  }

  /// All questions of the suite.
  public var questions: Int
  /// Those that were not asked, being too long for the model.
  public var refused: Int
  /// Those of which a sample has a verdict: means are over these.
  public var judged: Int
  /// Samples a question: the k of avg@k.
  public var k: Int
  /// Samples of all questions, and those to which the verifier gave no verdict.
  public var samples: Int
  public var errors: Int
  /// Mean over questions of the share of right samples; nil where no question is judged.
  public var average: Estimate?
  public var passAtK: [AtK]
  public var majorityAtK: [AtK]
  /// Mean over questions of the mean of rewards, which need not be 0 or 1.
  public var meanReward: Double?
  /// Share of the samples with a verdict in which an answer stood where it was asked for.
  public var formatRate: Double?
  /// Share of all samples that were cut at the length limit.
  public var truncationRate: Double?
  public var meanTokens: Double?
  /// `average` of the questions with each `level` tag, and of each source where there are several.
  public var levels: [String: Double]
  public var sources: [String: Double]

  /// Means of `average` over resampled questions: what intervals of several suites are made of.
  var resampled: [Double]

  private enum CodingKeys: String, CodingKey {
    case questions, refused, judged, k, samples, errors, average, passAtK, majorityAtK, meanReward
    case formatRate, truncationRate, meanTokens, levels, sources
  }
}

extension SuiteStatistics {
  /// - Parameters:
  ///   - all: of the suite, also those that were not asked.
  ///   - name: of the suite, which keys the resampling.
  public init(_ all: [QuestionSamples], name: String) {
    let asked = all.filter { $0.refusal == nil }
    let judged = asked.filter { $0.judged > 0 }
    let samples = asked.flatMap(\.samples)
    let verdicts = samples.filter { $0.verdict != .error }
    questions = all.count
    refused = all.count - asked.count
    self.judged = judged.count
    k = asked.map(\.samples.count).max() ?? 0
    self.samples = samples.count
    errors = samples.count - verdicts.count
    formatRate = Self.share(verdicts, \.isInFormat)
    truncationRate = Self.share(samples, \.isCut)
    meanTokens = Self.mean(samples.map { Double($0.tokens) })
    meanReward = Self.mean(
      judged.compactMap { Self.mean($0.samples.compactMap(\.reward)) })
    levels = Self.averages(judged) { $0.level }
    let bySource = Self.averages(judged) { $0.source }
    sources = bySource.count > 1 ? bySource : [:]

    let columns = Columns(judged, largest: judged.map(\.judged).max() ?? 0)
    let means = Bootstrap(name).means(columns.resampled)
    resampled = means.first ?? []
    if let value = Self.mean(columns.average), let interval = Bootstrap.interval(of: resampled) {
      average = Estimate(value: value, low: interval.low, high: interval.high)
    }
    let intervals = means.map(Bootstrap.interval)
    passAtK = columns.figures(columns.pass, intervals, from: 1)
    majorityAtK = columns.figures(columns.majority, intervals, from: 1 + columns.marked.count)
  }

  static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func share(
    _ samples: [QuestionSamples.Sample], _ holds: (QuestionSamples.Sample) -> Bool
  ) -> Double? {
    samples.isEmpty ? nil : Double(samples.count(where: holds)) / Double(samples.count)
  }

  private static func averages(
    _ judged: [QuestionSamples], by name: (QuestionSamples) -> String?
  ) -> [String: Double] {
    var values: [String: [Double]] = [:]
    for question in judged {
      if let name = name(question), let accuracy = question.accuracy {
        values[name, default: []].append(accuracy)
      }
    }
    return values.compactMapValues(mean)
  }
}

/// A value of every question for each figure; NaN where a question has none.
private struct Columns {
  /// Of the k from 1 up.
  let average: [Double]
  let pass: [[Double]]
  let majority: [[Double]]
  /// The k of which intervals are made: powers of two, and the largest.
  let marked: [Int]
  /// The columns that are resampled: the average, then pass@k and majority@k of the marked k.
  let resampled: [[Double]]

  init(_ judged: [QuestionSamples], largest: Int) {
    average = judged.map { $0.accuracy ?? .nan }
    let passes = judged.map { PassAtK.all(right: $0.right, of: $0.judged) }
    let votes = Self.majorities(judged, largest)
    func columns(_ rows: [[Double]]) -> [[Double]] {
      (0..<largest).map { k in rows.map { k < $0.count ? $0[k] : .nan } }
    }
    pass = columns(passes)
    majority = columns(votes)
    marked = (1...max(1, largest)).filter { $0 <= largest && ($0 & ($0 - 1) == 0 || $0 == largest) }
    let pass = pass
    let majority = majority
    resampled = [average] + marked.map { pass[$0 - 1] } + marked.map { majority[$0 - 1] }
  }

  /// Questions with the same votes are worked out once.
  private static func majorities(_ judged: [QuestionSamples], _ largest: Int) -> [[Double]] {
    var known: [MajorityVote: [Double]] = [:]
    return judged.map { question in
      let vote = MajorityVote(question)
      if let found = known[vote] { return found }
      let count = vote.count
      let values =
        count <= MajorityVote.largest
        ? vote.all
        : [Double](repeating: .nan, count: count - 1) + [vote.ofAll ?? .nan]
      known[vote] = values
      return values
    }
  }

  /// The means of columns, with the intervals of the marked ones, which stand from `first` on.
  func figures(
    _ columns: [[Double]], _ intervals: [(low: Double, high: Double)?], from first: Int
  ) -> [SuiteStatistics.AtK] {
    columns.enumerated().compactMap { index, column in
      let values = column.filter { !$0.isNaN }
      guard let mean = SuiteStatistics.mean(values) else { return nil }
      let place = marked.firstIndex(of: index + 1)
      let interval = place.flatMap { intervals[first + $0] }
      return SuiteStatistics.AtK(
        k: index + 1, value: mean, low: interval?.low, high: interval?.high,
        questions: values.count)
    }
  }
}

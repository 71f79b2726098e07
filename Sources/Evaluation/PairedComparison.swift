/// Two models on the same questions of a suite: the second beside the first.
public struct PairedComparison: Sendable, Equatable, Encodable {
  /// Questions, by id, that both were asked and that have a verdict of each.
  public var questions: Int
  /// Questions that only one of them has a verdict for, and so are left out.
  public var unpaired: Int
  /// The means of both over these questions.
  public var first: Double
  public var second: Double
  /// Second minus first, with its bootstrap interval.
  public var difference: SuiteStatistics.Estimate
  /// Of the paired sign-flip permutation test.
  public var p: Double
  public var isExact: Bool
  /// Ids, in the suite's order, of questions of which one has a right sample and the other none.
  public var solvedByFirstOnly: [String]
  public var solvedBySecondOnly: [String]

  /// - Parameter name: of the suite, which keys the resampling.
  /// - Returns: nil where no question is paired.
  public init?(
    _ first: [QuestionSamples], _ second: [QuestionSamples], name: String
  ) {
    let judged = { (questions: [QuestionSamples]) in questions.filter { $0.judged > 0 } }
    let others = Dictionary(
      judged(second).map { ($0.id, $0) }, uniquingKeysWith: { earlier, _ in earlier })
    var taken: Set<String> = []
    let pairs = judged(first).compactMap { question in
      taken.insert(question.id).inserted ? others[question.id].map { (question, $0) } : nil
    }
    guard !pairs.isEmpty else { return nil }
    let differences = pairs.map { a, b in
      SignFlipTest.Difference(first: (b.right, b.judged), second: (a.right, a.judged))
    }
    let values = differences.map(\.value)
    guard let mean = SuiteStatistics.mean(values),
      let firstMean = SuiteStatistics.mean(pairs.compactMap(\.0.accuracy)),
      let secondMean = SuiteStatistics.mean(pairs.compactMap(\.1.accuracy)),
      let interval = Bootstrap(name).means([values]).first.flatMap(Bootstrap.interval)
    else { return nil }
    questions = pairs.count
    unpaired = judged(first).count + others.count - 2 * pairs.count
    self.first = firstMean
    self.second = secondMean
    difference = .init(value: mean, low: interval.low, high: interval.high)
    let test = SignFlipTest.test(differences)
    p = test.p
    isExact = test.isExact
    solvedByFirstOnly = pairs.filter { $0.0.right > 0 && $0.1.right == 0 }.map(\.0.id)
    solvedBySecondOnly = pairs.filter { $0.0.right == 0 && $0.1.right > 0 }.map(\.0.id)
  }
}

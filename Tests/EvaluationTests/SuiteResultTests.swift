import Evaluation
import Stages
import Testing

@Suite struct SuiteResultTests {
  private func question(_ rewards: [Double], _ level: String? = nil) -> SuiteResult.Question {
    SuiteResult.Question(rewards: rewards, level: level)
  }

  /// Means 0.5 and 1: their mean is 0.75, the variance of that mean 0.125 / 2 = 0.0625, so its
  /// standard deviation 0.25.
  @Test func theIntervalIsThatOfTheQuestionsMeans() {
    let suite = SuiteResult([question([1, 0]), question([1, 1])]).summary
    #expect(suite.mean == 0.75)
    #expect(suite.k == 2 && suite.questions == 2)
    #expect(abs(suite.low - (0.75 - 1.96 * 0.25)) < 1e-12)
    #expect(suite.high == 1, "a share does not leave 0...1")
  }

  /// Samples of one question are not independent: eight equal ones tell no more than one.
  @Test func repeatingEverySampleDoesNotNarrowTheInterval() {
    let rewards = (0..<40).map { Double($0 % 3 == 0 ? 1 : 0) }
    let once = SuiteResult(rewards.map { question([$0]) }).summary
    let eight = SuiteResult(rewards.map { question(Array(repeating: $0, count: 8)) }).summary
    #expect(abs(once.low - eight.low) < 1e-12 && abs(once.high - eight.high) < 1e-12)
    #expect(once.low < once.mean && once.mean < once.high)
  }

  @Test func levelsHaveMeansOfTheirOwn() {
    let suite = SuiteResult([
      question([1, 1], "1"), question([0, 1], "1"), question([0, 0], "2"), question([1, 0]),
    ]).summary
    #expect(suite.levels == ["1": 0.75, "2": 0])
    #expect(suite.mean == 0.5)
  }

  /// A verifier's error is no reward: the question is left out of the mean and counted as asked.
  @Test func aQuestionWithoutVerdictsDoesNotCountAsWrong() {
    let suite = SuiteResult([question([1, 1], "1"), question([], "2")]).summary
    #expect(suite.mean == 1 && suite.questions == 2)
    #expect(suite.levels == ["1": 1])
  }

  @Test func noQuestionsAndOneQuestionHaveFigures() {
    let none = SuiteResult([]).summary
    #expect(none.mean == 0 && none.low == 0 && none.high == 0 && none.k == 0)
    let one = SuiteResult([question([0.25, 0.75])]).summary
    #expect(one.mean == 0.5 && one.low == 0.5 && one.high == 0.5)
  }
}

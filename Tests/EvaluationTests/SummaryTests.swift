import Evaluation
import Foundation
import Stages
import Testing

private typealias Sample = QuestionSamples.Sample

@Suite struct SummaryTests {
  private func suite(_ questions: [QuestionSamples]) -> Summary.Suite {
    Summary.Suite(SuiteStatistics(questions, name: "test"), group: .inside)
  }

  /// A reward made of parts may be 0.7 for a right answer and 0.3 for a wrong one.
  @Test func accuracyCountsWhateverTheRewardIs() {
    let suite = suite([
      QuestionSamples(
        id: "a", level: "1", samples: [Sample(.right, reward: 0.7), Sample(.wrong, reward: 0.3)]),
      QuestionSamples(
        id: "b", level: "2", samples: [Sample(.right, reward: 1.5), Sample(.right, reward: -1)]),
    ])
    #expect(suite.mean == 0.75 && suite.k == 2 && suite.questions == 2 && suite.group == "id")
    #expect(suite.levels == ["1": 0.5, "2": 1])
    #expect(suite.low == 0.5 && suite.high == 1 && suite.errors == 0)
  }

  /// Samples of one question are not independent: eight equal ones tell no more than one.
  @Test func repeatingEverySampleDoesNotNarrowTheInterval() {
    func suite(_ times: Int) -> Summary.Suite {
      self.suite(
        (0..<40).map {
          QuestionSamples(
            id: "\($0)",
            samples: Array(repeating: Sample($0 % 3 == 0 ? .right : .wrong), count: times))
        })
    }
    let (once, eight) = (suite(1), suite(8))
    #expect(once.low == eight.low && once.high == eight.high && once.mean == eight.mean)
    #expect(once.low < once.mean && once.mean < once.high)
  }

  @Test func samplesWithoutAVerdictAreCountedAndInNoMean() {
    let suite = suite([
      QuestionSamples(id: "a", samples: [Sample(.right), Sample(.error)]),
      QuestionSamples(id: "b", samples: [Sample(.error), Sample(.error)]),
    ])
    #expect(suite.mean == 1 && suite.questions == 2 && suite.errors == 3)
    let none = self.suite([])
    #expect(none.mean == 0 && none.low == 0 && none.high == 0 && none.k == 0)
  }

  /// Summaries that were written before there were evaluations on the way are still read.
  @Test func evaluationsOnTheWayStandUnderTheirSteps() throws {
    let old = try JSONDecoder().decode(
      Summary.Evaluation.self, from: Data(#"{"before": {}, "after": {}}"#.utf8))
    #expect(old == Summary.Evaluation())
    #expect(try JSONEncoder().encode(old).count == #"{"before":{},"after":{}}"#.utf8.count)
    var evaluation = Summary.Evaluation()
    evaluation.during[20] = ["sums": suite([QuestionSamples(id: "a", samples: [Sample(.right)])])]
    let bytes = try JSONEncoder().encode(evaluation)
    #expect(try JSONDecoder().decode(Summary.Evaluation.self, from: bytes) == evaluation)
    let fields = try JSONSerialization.jsonObject(with: bytes) as? [String: [String: Any]]
    #expect(fields?["during"]?.keys.first == "20")
  }
}

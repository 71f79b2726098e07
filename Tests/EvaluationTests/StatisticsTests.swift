import Evaluation
import Randomness
import Testing

private typealias Sample = QuestionSamples.Sample

private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-12 }

/// All subsets of 0..<count with `size` members.
private func subsets(of count: Int, size: Int) -> [[Int]] {
  guard size > 0 else { return [[]] }
  guard count >= size else { return [] }
  return subsets(of: count - 1, size: size)
    + subsets(of: count - 1, size: size - 1).map { $0 + [count - 1] }
}

@Suite struct PassAtKTests {
  /// Of 4 samples 2 are right: of the 6 pairs one holds none of them, of the 4 triples none.
  @Test func twoOfFour() {
    let values = PassAtK.all(right: 2, of: 4)
    #expect(close(values[0], 0.5) && close(values[1], 5.0 / 6) && values[2] == 1 && values[3] == 1)
  }

  @Test func itIsTheShareOfSubsetsThatHoldARightSample() {
    for count in 1...9 {
      for right in 0...count {
        let values = PassAtK.all(right: right, of: count)
        for k in 1...count {
          let all = subsets(of: count, size: k)
          let good = all.count { $0.contains { $0 < right } }
          #expect(close(values[k - 1], Double(good) / Double(all.count)), "\(right)/\(count)@\(k)")
        }
      }
    }
  }

  @Test func itRisesWithKFromTheMeanToWhetherAnyIsRight() {
    for count in [1, 15, 16, 17, 1000] {
      for right in [0, 1, count / 2, count] {
        let values = PassAtK.all(right: right, of: count)
        #expect(close(values[0], Double(right) / Double(count)))
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 + 1e-15 })
        #expect(values[count - 1] == (right > 0 ? 1 : 0))
      }
    }
    #expect(PassAtK.all(right: 0, of: 0).isEmpty)
  }
}

@Suite struct MajorityVoteTests {
  /// By enumeration: one answer a sample, nil for none, 0 for the right one.
  private func enumerated(_ answers: [Int?], k: Int) -> Double {
    let all = subsets(of: answers.count, size: k)
    let sum = all.reduce(0.0) { sum, subset in
      var votes: [Int: Int] = [:]
      for case let answer? in subset.map({ answers[$0] }) { votes[answer, default: 0] += 1 }
      let most = votes.values.max() ?? 0
      guard most > 0, votes[0] == most else { return sum }
      return sum + 1 / Double(votes.values.count { $0 == most })
    }
    return sum / Double(all.count)
  }

  /// Votes 2 right, 1 for another answer: a pair of samples is right twice (1), or a tie (1/2) in two of
  /// three draws.
  @Test func twoAgainstOne() {
    let vote = MajorityVote(right: 2, wrong: [1], silent: 0)
    #expect(close(vote.all[0], 2.0 / 3) && close(vote.all[1], (1 + 0.5 + 0.5) / 3))
    #expect(vote.all[2] == 1)
  }

  @Test func itIsThatOfAllSubsets() {
    let stream = RandomStream(seed: 3, purpose: .dataset)
    for trial in 0..<60 {
      let count = 1 + Int(stream.integer(below: 9, UInt64(trial), 0))
      let answers: [Int?] = (0..<count).map {
        let drawn = Int(stream.integer(below: 5, UInt64(trial), 1, UInt32($0)))
        return drawn == 4 ? nil : drawn
      }
      var wrong: [Int: Int] = [:]
      for case let answer? in answers where answer > 0 { wrong[answer, default: 0] += 1 }
      let vote = MajorityVote(
        right: answers.count { $0 == 0 }, wrong: Array(wrong.values),
        silent: answers.count { $0 == nil })
      let values = vote.all
      for k in 1...count {
        #expect(close(values[k - 1], enumerated(answers, k: k)), "\(answers)@\(k)")
      }
      #expect(close(vote.ofAll ?? -1, values[count - 1]), "\(answers)")
    }
  }

  @Test func oneSampleIsItsOwnMajorityAndTiesAreShared() {
    for count in [1, 15, 16, 17, 64] {
      let vote = MajorityVote(right: count / 2, wrong: [count - count / 2], silent: 0)
      #expect(close(vote.all[0], Double(count / 2) / Double(count)))
    }
    #expect(MajorityVote(right: 3, wrong: [3, 3, 2], silent: 9).ofAll == 1.0 / 3)
    #expect(MajorityVote(right: 0, wrong: [], silent: 4).all == [0, 0, 0, 0])
    #expect(MajorityVote(right: 0, wrong: [], silent: 0).ofAll == nil)
  }

  @Test func wrongAnswersVoteBySpellingAndSilentOnesDoNot() {
    let question = QuestionSamples(
      id: "q",
      samples: [
        Sample(.right, answer: "1/2"), Sample(.right, answer: "0.5"), Sample(.right),
        Sample(.wrong, answer: " 7  a"), Sample(.wrong, answer: "7 a\n"),
        Sample(.wrong, answer: "8"),
        Sample(.wrong), Sample(.error, answer: "7 a"),
      ])
    #expect(MajorityVote(question) == MajorityVote(right: 3, wrong: [2, 1], silent: 1))
  }
}

@Suite struct BootstrapTests {
  @Test func theSameNameGivesTheSameMeansAndAnotherNameOthers() {
    let values = (0..<50).map { Double($0 % 3) }
    let means = Bootstrap("a").means([values])[0]
    // Compared outside of the expectation, which would print all of them.
    let isRepeated = means == Bootstrap("a").means([values, values])[1]
    let isOthers = means == Bootstrap("b").means([values])[0]
    #expect(isRepeated && !isOthers && means.count == Bootstrap.replicates)
  }

  /// For values 0 and 1 the interval is near mean ± 1.96 · sqrt(p (1 − p) / n).
  @Test func theIntervalOfManyQuestionsIsThatOfTheNormalDistribution() throws {
    let values = (0..<1000).map { $0 % 10 < 3 ? 1.0 : 0 }
    let interval = try #require(Bootstrap.interval(of: Bootstrap("s").means([values])[0]))
    let half = 1.96 * (0.3 * 0.7 / 1000).squareRoot()
    #expect(abs(interval.low - (0.3 - half)) < 0.003 && abs(interval.high - (0.3 + half)) < 0.003)
  }

  @Test func valuesThatAreAlikeHaveNoWidthAndMissingOnesTakeNoPart() throws {
    let whole = try #require(Bootstrap.interval(of: Bootstrap("s").means([[0.25, 0.25]])[0]))
    #expect(whole.low == 0.25 && whole.high == 0.25)
    let holed = Bootstrap("s").means([[1, .nan, .nan, 1], [0, 1, 0, 1]])
    let isSound = holed[0].allSatisfy { $0.isNaN || $0 == 1 }
    let lacksSome = holed[0].contains(where: \.isNaN)
    #expect(isSound && lacksSome)
    #expect(Bootstrap.interval(of: holed[0])?.low == 1)
    #expect(Bootstrap.interval(of: [.nan]) == nil)
    #expect(Bootstrap("s").means([[]]) == [[]])
  }

  /// 0 ... 100 in steps of 1: 2.5 % of the way lies between 2 and 3.
  @Test func quantilesLieBetweenOrderStatistics() throws {
    let interval = try #require(Bootstrap.interval(of: (0...100).reversed().map(Double.init)))
    #expect(close(interval.low, 2.5) && close(interval.high, 97.5))
  }
}

@Suite struct SignFlipTests {
  private typealias Difference = SignFlipTest.Difference

  private func single(_ first: Int, _ second: Int) -> Difference {
    Difference(first: (first, 1), second: (second, 1))
  }

  /// 8 questions for one and 2 for the other, ties left out: McNemar's exact test is
  /// 2 · (C(10, 0) + C(10, 1) + C(10, 2)) / 2^10 = 112 / 1024.
  @Test func withOneSampleItIsMcNemars() {
    let differences =
      Array(repeating: single(1, 0), count: 8) + Array(repeating: single(0, 1), count: 2)
      + Array(repeating: single(1, 1), count: 90)
    let result = SignFlipTest.test(differences)
    #expect(result.isExact && close(result.p, 112.0 / 1024))
  }

  @Test func itCountsAllSignPatterns() {
    let stream = RandomStream(seed: 5, purpose: .dataset)
    for trial in 0..<40 {
      let count = 1 + Int(stream.integer(below: 10, UInt64(trial), 0))
      let differences = (0..<count).map { index in
        let samples = 1 + Int(stream.integer(below: 4, UInt64(trial), 1, UInt32(index)))
        return Difference(
          first: (Int(stream.integer(below: 5, UInt64(trial), 2, UInt32(index))), 4),
          second: (
            Int(stream.integer(below: UInt64(samples + 1), UInt64(trial), 3, UInt32(index))),
            samples
          ))
      }
      let observed = abs(differences.reduce(0) { $0 + $1.value })
      let patterns = 1 << count
      let extreme = (0..<patterns).count { pattern in
        let sum = differences.enumerated().reduce(0.0) {
          $0 + (pattern >> $1.offset & 1 == 1 ? $1.element.value : -$1.element.value)
        }
        return abs(sum) >= observed - 1e-9
      }
      let result = SignFlipTest.test(differences)
      #expect(
        result.isExact && close(result.p, Double(extreme) / Double(patterns)), "\(differences)")
    }
  }

  /// Counts without a common unit of moderate size: drawn patterns come near the exact share.
  @Test func whatWouldCostTooMuchIsDrawn() {
    let primes = [101, 103, 107, 109, 113, 127]
    let differences = primes.map { Difference(first: ($0 / 2, $0), second: (0, $0 - 2)) }
    let result = SignFlipTest.test(differences)
    // Six differences of one sign: 2 of the 64 patterns are as extreme.
    #expect(!result.isExact && abs(result.p - 2.0 / 64) < 0.003)
  }

  @Test func noDifferenceAndManyDifferencesHaveAPValue() {
    #expect(SignFlipTest.test([]).p == 1)
    let alike = SignFlipTest.test([single(1, 1), single(0, 0)])
    #expect(alike.p == 1 && alike.isExact)
    let many = SignFlipTest.test(Array(repeating: single(1, 0), count: 5000))
    #expect(many.isExact && many.p >= 0 && many.p < 1e-300)
  }
}

@Suite struct SuiteStatisticsTests {
  /// Three questions of two samples: both right; one right of one that was judged; none judged. A fourth
  /// was never asked.
  private var questions: [QuestionSamples] {
    [
      QuestionSamples(
        id: "a", source: "s", level: "1",
        samples: [Sample(.right, tokens: 10), Sample(.right, isInFormat: false, tokens: 20)]),
      QuestionSamples(
        id: "b", source: "t", level: "1",
        samples: [
          Sample(.error, isCut: true, tokens: 30), Sample(.wrong, reward: 0.25, tokens: 40),
        ]),
      QuestionSamples(id: "c", source: "t", samples: [Sample(.error), Sample(.error, tokens: 60)]),
      QuestionSamples(id: "d", source: "t", samples: [], refusal: "prompt-too-long"),
    ]
  }

  @Test func errorsAreNeverWrongAnswers() throws {
    let statistics = SuiteStatistics(questions, name: "x")
    #expect(statistics.questions == 4 && statistics.refused == 1 && statistics.judged == 2)
    #expect(statistics.samples == 6 && statistics.errors == 3 && statistics.k == 2)
    let average = try #require(statistics.average)
    #expect(average.value == 0.5 && average.low == 0 && average.high == 1)
    // Question b has one judged sample: it takes part in k = 1 alone.
    #expect(statistics.passAtK.map(\.k) == [1, 2] && statistics.passAtK.map(\.value) == [0.5, 1])
    #expect(statistics.passAtK.map(\.questions) == [2, 1])
    #expect(statistics.majorityAtK.map(\.value) == [0.5, 1])
    #expect(statistics.meanReward == (1 + 0.25) / 2)
    #expect(statistics.formatRate == 2.0 / 3 && statistics.truncationRate == 1.0 / 6)
    #expect(statistics.meanTokens == 160.0 / 6)
    #expect(statistics.levels == ["1": 0.5] && statistics.sources == ["s": 1, "t": 0])
  }

  @Test func repeatingEverySampleDoesNotNarrowTheInterval() {
    func suite(_ times: Int) -> SuiteStatistics {
      SuiteStatistics(
        (0..<40).map { index in
          QuestionSamples(
            id: "\(index)",
            samples: Array(repeating: Sample(index % 3 == 0 ? .right : .wrong), count: times))
        }, name: "x")
    }
    #expect(suite(1).average == suite(8).average)
  }

  @Test func everyKHasAFigureAndTheMarkedOnesAnInterval() {
    let question = QuestionSamples(
      id: "q", samples: (0..<6).map { Sample($0 == 0 ? .right : .wrong, answer: "\($0)") })
    let statistics = SuiteStatistics([question, question], name: "x")
    #expect(statistics.passAtK.map(\.k) == [1, 2, 3, 4, 5, 6])
    #expect(statistics.passAtK.filter { $0.low != nil }.map(\.k) == [1, 2, 4, 6])
    #expect(close(statistics.passAtK[2].value, 0.5))
    // Six answers with a vote each: one is chosen with equal chances.
    #expect(statistics.majorityAtK.allSatisfy { close($0.value, 1.0 / 6) })
    #expect(statistics.majorityAtK.filter { $0.low != nil }.map(\.k) == [1, 2, 4, 6])
  }

  @Test func beyondTheLargestOnlyTheMajorityOfAllIsWorkedOut() {
    let count = MajorityVote.largest + 1
    let question = QuestionSamples(
      id: "q", samples: (0..<count).map { Sample($0 < 40 ? .right : .wrong, answer: "x") })
    let statistics = SuiteStatistics([question], name: "x")
    #expect(statistics.majorityAtK.map(\.k) == [count] && statistics.majorityAtK[0].value == 1)
    #expect(statistics.passAtK.count == count)
  }

  @Test func noQuestionsHaveNoFigures() {
    let statistics = SuiteStatistics([], name: "x")
    #expect(statistics.average == nil && statistics.passAtK.isEmpty && statistics.formatRate == nil)
    let unjudged = SuiteStatistics(Array(questions.suffix(2)), name: "x")
    #expect(unjudged.average == nil && unjudged.errors == 2 && unjudged.judged == 0)
  }
}

@Suite struct PairedComparisonTests {
  private func question(_ id: String, _ right: Int, of count: Int = 2) -> QuestionSamples {
    QuestionSamples(id: id, samples: (0..<count).map { Sample($0 < right ? .right : .wrong) })
  }

  @Test func questionsArePairedByIdInTheFirstOnesOrder() throws {
    let first = [question("a", 2), question("b", 0), question("c", 1), question("only", 2)]
    let second = [question("c", 1), question("b", 1), question("a", 0)]
    let compared = try #require(PairedComparison(first, second, name: "x"))
    #expect(compared.questions == 3 && compared.unpaired == 1)
    #expect(close(compared.first, 0.5) && close(compared.second, 1.0 / 3))
    #expect(close(compared.difference.value, -1.0 / 6))
    #expect(compared.solvedByFirstOnly == ["a"] && compared.solvedBySecondOnly == ["b"])
    // Differences −1 and 1/2: every sign pattern is as far from 0 as theirs, or farther.
    #expect(compared.p == 1 && compared.isExact)
  }

  @Test func theOtherWayRoundHasTheOtherSignAndTheSameP() throws {
    let first = (0..<20).map { question("\($0)", $0 % 3) }
    let second = (0..<20).map { question("\($0)", $0 % 2 + ($0 % 5 == 0 ? 1 : 0)) }
    let one = try #require(PairedComparison(first, second, name: "x"))
    let other = try #require(PairedComparison(second, first, name: "x"))
    #expect(close(one.p, other.p) && close(one.difference.value, -other.difference.value))
    #expect(close(one.difference.low, -other.difference.high))
    #expect(one.solvedByFirstOnly == other.solvedBySecondOnly)
  }

  @Test func nothingInCommonIsNoComparison() {
    #expect(PairedComparison([question("a", 1)], [question("b", 1)], name: "x") == nil)
    let unjudged = QuestionSamples(id: "a", samples: [Sample(.error)])
    #expect(PairedComparison([question("a", 1)], [unjudged], name: "x") == nil)
  }
}

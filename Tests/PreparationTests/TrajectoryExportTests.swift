import Evaluation
import Inspector
import Preparation
import Records
import Testing
import Verifiers

@Suite struct TrajectoryExportTests {
  private static func verdict(_ reward: Double?) -> Verdict {
    Verdict(
      outcome: reward.map { .scored(reward: $0, components: []) } ?? .error("none"), rule: "test")
  }

  private func answered(
    _ id: String, step: UInt64 = 0, _ responses: [(String, Double?, FinishReason)]
  ) -> AnsweredPrompt {
    AnsweredPrompt(
      group: 0, step: step, prompt: row("q", id: id, demonstrations: ["own"]),
      responses: responses.map { Response(text: $0.0, finish: $0.2) },
      verdicts: responses.map { Self.verdict($0.1) })
  }

  private func export(
    _ kind: TrajectoryExport.Kind, perQuestion: Int = 2
  ) -> TrajectoryExport {
    var export = TrajectoryExport(kind, perQuestion: perQuestion)
    export.add(
      answered(
        "a", [("wrong", 0, .stop), ("right", 1, .stop), ("cut", 1, .length), ("lost", nil, .stop)]))
    export.add(answered("b", [("no", 0, .stop)]))
    export.add(answered("a", [("right", 1, .stop), ("own", 1, .stop), ("third", 1, .stop)]))
    return export
  }

  @Test func everyQuestionStandsThereOnce() {
    let (rows, left) = export(.demonstrations).rows()
    #expect(rows.map(\.id) == ["a"] && left == 1)
    #expect(rows[0].demonstrations == ["right", "own"])
    #expect(export(.added).rows().rows[0].demonstrations == ["own", "right"])
    #expect(export(.demonstrations).rollouts == 8 && export(.demonstrations).errors == 1)
  }

  @Test func pairsHaveARightAndAWrongOne() {
    let (rows, left) = export(.pairs).rows()
    #expect(rows.count == 1 && left == 1)
    #expect(rows[0].demonstrations == ["right"] && rows[0].rejected == ["wrong"])
  }

  @Test func passRatesAreTags() {
    let rates = PassRates([
      QuestionSamples(
        id: "a", samples: [.init(.right), .init(.wrong), .init(.right), .init(.error)]),
      QuestionSamples(id: "b", samples: [.init(.error)]),
    ])
    #expect(rates.rates == [2.0 / 3, nil] && rates.missing == 1)
    let tagged = rates.tagged(row("x", tags: ["level": "1"]), at: 0).tags
    #expect(tagged == ["level": "1", "pass_rate": "0.6667", "pass_samples": "3"])
    // What an earlier model made of it does not stay.
    #expect(rates.tagged(row("x", tags: ["pass_rate": "1.0"]), at: 1).tags.isEmpty)
  }
}

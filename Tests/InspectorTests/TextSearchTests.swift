import Foundation
import Inspector
import Records
import Testing
import Verifiers

@Suite("Search, difference and export")
struct TextSearchTests {
  /// A copy of the sample, which the object's own writer does not hold open.
  private func copied(_ body: (StoredRun) throws -> Void) throws {
    let copy: String
    do {
      let sample = try SampleRun()
      copy = sample.folder + "-search"
      try FileManager.default.copyItem(atPath: sample.folder, toPath: copy)
    }
    defer {
      do { try FileManager.default.removeItem(atPath: copy) } catch { print("left: \(copy)") }
    }
    try body(StoredRun(opening: copy))
  }

  private func matches(
    _ run: StoredRun, _ text: String, _ places: Set<TextSearch.Place>,
    _ steps: ClosedRange<UInt64>? = nil
  ) throws -> [TextSearch.Match] {
    var matches: [TextSearch.Match] = []
    let unfinished = try run.search(TextSearch(TextPattern(text), places: places, steps: steps)) {
      matches.append($0)
      return true
    }
    #expect(unfinished == 0)
    return matches
  }

  @Test("every place of every group is searched, within the steps that were asked for")
  func places() throws {
    try copied { run in
      let rollouts = try matches(run, "3-", [.rollout])
      #expect(rollouts.map(\.group) == [0, 1, 3, 4] && rollouts.allSatisfy { $0.index == 0 })
      #expect(try matches(run, "3-", [.rollout], 1...9).map(\.group) == [3, 4])
      #expect(try matches(run, "#6", [.demonstration]).map(\.group) == [5])
      #expect(try matches(run, "6", [.groundTruth]).map(\.group) == [5])
      let prompt = try #require(try matches(run, "+1=", [.prompt]).first)
      #expect(prompt.group == 1 && prompt.excerpt == "1+1=" && prompt.spans == [[1, 4]])
      var seen = 0
      _ = try run.search(TextSearch(TextPattern("1"))) { _ in
        seen += 1
        return seen < 2
      }
      #expect(seen == 2)
    }
  }

  @Test("questions are told apart by who solved them, the largest change first")
  func difference() throws {
    try copied { run in
      let answers = try run.answers()
      let same = RunDifference(answers, answers)
      #expect(same.first.questions == 4 && same.first.common == 4 && same.questions.isEmpty)
      // Group 0 has one right of two, 3 both, 4 one of the one with a verdict; 1 none.
      #expect(same.outcomes == ["both": 3, "first": 0, "second": 0, "none": 1])
      #expect(same.first.share == 0.625)
      let none = RunDifference(answers, answers, only: RunDifference.Outcome.none)
      #expect(none.questions.map(\.id) == ["q-1"] && none.questions[0].first.total == 2)
      let last = try run.answers(in: 1...1)
      #expect(RunDifference(last, answers).first.questions == 2)
    }
  }

  @Test("distributions hold every number once; quantiles are values that occur")
  func distributions() throws {
    try copied { run in
      let statistics = try run.statistics()
      let all = Dictionary(
        uniqueKeysWithValues: statistics.distributions.map { ($0.quantity, $0) })
      #expect(all[.reward]?.spread.count == 7)
      #expect(all[.reward]?.bins.map(\.count) == [3, 4])
      #expect(all[.length]?.spread.median == 2 && all[.length]?.spread.most == 3)
      #expect(all[.entropy]?.spread.mean == 1 && all[.entropy]?.spread.count == 4)
      #expect(statistics.steps[1].spreads["length"]?.count == 4)
    }
  }

  @Test("a row is RFC 4180, verl's or TRL's, as asked")
  func formats() throws {
    try copied { run in
      var rows: [RolloutRow] = []
      try run.forEachRollout { rows.append($0) }
      #expect(rows.map(\.group) == [0, 0, 1, 1, 3, 3, 4, 4])
      var row = rows[0]
      row.response = "a,\"b\"\nc"
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      func line(_ format: RolloutFormat) throws -> String {
        try format.line(of: row) { value in
          String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
        }
      }
      #expect(try line(.csv).contains(#","a,""b""\#nc","#.replacing("\\#n", with: "\n")))
      #expect(try line(.csv).hasSuffix("\r\n"))
      #expect(
        try line(.verl)
          == #"{"acc":1,"gts":"1","input":"1+2","output":"a,\"b\"\nc","score":1,"step":1}"# + "\n")
      #expect(
        try line(.trl)
          == #"{"advantage":null,"completion":"a,\"b\"\nc","prompt":"1+2","reward":1,"step":"0"}"#
          + "\n")
      #expect(!RolloutFormat.holdsFormula(row))
      row.response = "=1+1"
      #expect(RolloutFormat.holdsFormula(row))
    }
  }
}

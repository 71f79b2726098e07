import Digest
import Records
import Shards
import Testing
import Verifiers

@Suite struct LadderTests {
  private static func rows(_ settings: LadderSettings) throws -> [Prompt] {
    let ladder = try Ladder(settings)
    return (0..<ladder.count).map(ladder.row)
  }

  private static func text(_ prompt: Prompt) -> String {
    guard case .text(let text) = prompt.content else { return "" }
    return text
  }

  private static let verifier = FinalNumberVerifier(rules: [.marker])

  private static func reward(_ row: Prompt) -> Double? {
    verifier.verify(response: row.demonstrations[0], prompt: row, finish: .stop).reward
  }

  /// The answer, from the question's text alone.
  private static func solve(_ question: String) -> String? {
    let body = String(question.dropFirst(4).dropLast())
    let numbers = body.split { !$0.isNumber }.compactMap { Int($0) }
    switch question.prefix(3) {
    case "add", "run": return "\(numbers.reduce(0, +))"
    case "sub": return "\(numbers[0] - numbers[1])"
    case "mul": return "\(numbers[0] * numbers[1])"
    case "mod":
      let parts = body.split { $0 == ":" || $0 == " " }
      var value = Int(parts[1])!
      for part in parts.dropFirst(2) {
        let operand = Int(part.dropFirst())!
        value = part.first == "+" ? value + operand : value * operand
      }
      return "\(value % Int(parts[0])!)"
    case "eqn":
      // The only x from 0 to 99 that makes both sides equal.
      let sides = body.split(separator: "=").map { side in
        side.split(separator: "+").map(String.init)
      }
      let value = { (terms: [String], x: Int) in
        terms.reduce(0) { sum, term in
          guard term.hasSuffix("x") else { return sum + Int(term)! }
          return sum + (term == "x" ? 1 : Int(term.dropLast())!) * x
        }
      }
      let solutions = (0...99).filter { value(sides[0], $0) == value(sides[1], $0) }
      return solutions.count == 1 ? "\(solutions[0])" : nil
    case "rev": return String(body.reversed())
    case "srt": return String(body.sorted())
    default: return nil
    }
  }

  /// Every line `…=r` or `…=r=s` of a worked solution that is arithmetic, evaluated on its own.
  private static func linesHold(_ row: Prompt) -> Bool {
    let lines = row.demonstrations[0].split(separator: "\n").dropLast()
    return lines.allSatisfy { line in
      let sides = line.split(separator: "=")
      guard sides.count >= 2 else { return row.source.hasPrefix("ood_") }
      let numbers = sides[0].split { !$0.isNumber }.compactMap { Int($0) }
      let symbols = sides[0].filter { "+-*/".contains($0) }
      var value = numbers[0]
      for (symbol, number) in zip(symbols, numbers.dropFirst()) {
        switch symbol {
        case "+": value += number
        case "-": value -= number
        case "*": value *= number
        default: value = value % number == 0 ? value / number : -1
        }
      }
      if row.source == "subtraction" {
        let parts = sides[1].split(separator: "b").compactMap { Int($0) }
        return parts[0] - 10 * parts[1] == value
      }
      if row.source == "modular_chains" {
        let modulus = Int(text(row).dropFirst(4).prefix(1))!
        return Int(sides[1]) == value && Int(sides[2]) == value % modulus
      }
      return Int(sides[1]) == value
    }
  }

  @Test(arguments: [LadderSettings.Side.train, .test])
  func demonstrationsAreRight(side: LadderSettings.Side) throws {
    var settings = LadderSettings.standard(side)
    settings.oodLevels = [1, 2, 3, 4, 5]
    settings.families = LadderFamily.allCases
    settings.rows = 8_000
    var failures: [String] = []
    for row in try Self.rows(settings) {
      let isRight =
        Self.solve(Self.text(row)) == row.groundTruth && Self.reward(row) == 1
        && Self.linesHold(row) && row.tags["slip"] == nil
      if !isRight { failures.append("\(row)") }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  @Test(arguments: LadderSettings.SlipPlacement.allCases)
  func theCorpusIsWrongAtTheAskedShare(slips: LadderSettings.SlipPlacement) throws {
    var settings = LadderSettings.corpus
    settings.rows = 24_000
    settings.oodLevels = [1, 2, 3]
    settings.levelsByFamily = [:]
    settings.wrongShareByLevel = [0.25, 0.5, 0.75, 0, 1]
    settings.slips = slips
    var wrong: [String: (wrong: Int, all: Int)] = [:]
    var failures: [String] = []
    for row in try Self.rows(settings) {
      let key = "\(row.source) \(row.tags["level"]!)"
      let isWrong = Self.reward(row) == 0
      wrong[key, default: (0, 0)].all += 1
      if isWrong { wrong[key]!.wrong += 1 }
      // The ground truth stays right, and a wrong solution has a line that is false.
      let broken = Self.solve(Self.text(row)) != row.groundTruth
      if broken || isWrong != (row.tags["slip"] != nil) || Self.linesHold(row) == isWrong {
        failures.append("\(row)")
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    for (key, count) in wrong {
      let level = Int(key.suffix(1))!
      let share = key.hasPrefix("ood_") ? 0 : settings.wrongShareByLevel[level - 1]
      // Four standard deviations of a binomial share.
      let bound = 4 * (share * (1 - share) / Double(count.all)).squareRoot()
      #expect(abs(Double(count.wrong) / Double(count.all) - share) <= bound, "\(key) \(count)")
    }
    #expect(wrong.count == 36)
  }

  @Test func sidesAreDisjointForAnySeed() throws {
    let canonical = { (row: Prompt) -> String in
      let text = Self.text(row)
      let numbers = text.split { !$0.isNumber }
      switch row.source {
      case "addition", "multiplication", "running_sums": return row.source + "\(numbers.sorted())"
      case "ood_sorting": return row.source + String(text.sorted())
      default: return text
      }
    }
    var test: Set<String> = []
    var other: Set<String> = []
    for seed in 1...3 as ClosedRange<UInt64> {
      for side in LadderSettings.Side.allCases {
        var settings = LadderSettings.standard(side)
        settings.seed = seed
        settings.rows = side == .test ? 4_000 : 10_000
        for row in try Self.rows(settings) {
          if side == .test { test.insert(canonical(row)) } else { other.insert(canonical(row)) }
        }
      }
    }
    #expect(test.isDisjoint(with: other))
    #expect(test.count > 4_000 && other.count > 20_000)
  }

  @Test func theTestSuitesHaveTheirQuestionsOnce() throws {
    let rows = try Self.rows(.test)
    var count: [String: Int] = [:]
    for row in rows { count["\(row.source) \(row.tags["level"]!)", default: 0] += 1 }
    for family in LadderFamily.inDistribution {
      for level in 1...5 { #expect(count["\(family.rawValue) \(level)"] == 40) }
    }
    for suite in ["ood_reversal", "ood_sorting"] {
      #expect((1...3).reduce(0) { $0 + count["\(suite) \($1)"]! } == 200)
    }
    #expect(Set(rows.map(Self.text)).count == rows.count)
    #expect(Set(rows.map(\.id)).count == rows.count)
  }

  @Test func rowsStandAloneAndRepeat() throws {
    let digest = { (settings: LadderSettings, order: [Int]) throws in
      let ladder = try Ladder(settings)
      var hash = SHA256()
      let rows = order.map { ($0, ladder.row($0)) }.sorted { $0.0 < $1.0 }
      for (_, row) in rows {
        hash.update("\(row.id)|\(Self.text(row))|\(row.demonstrations)|\(row.groundTruth)\n")
      }
      return hexadecimal(hash.finalize())
    }
    let settings = LadderSettings(
      side: .corpus, rows: 500, families: LadderFamily.allCases, levels: [1, 2, 3, 4, 5])
    let forward = try digest(settings, Array(0..<500))
    #expect(try digest(settings, Array((0..<500).reversed())) == forward)
    var longer = settings
    longer.rows = 100_000
    #expect(try digest(longer, Array(0..<500)) == forward)
    var reseeded = settings
    reseeded.seed += 1
    #expect(try digest(reseeded, Array(0..<500)) != forward)
    // Pinned: a change of any row of a seed is a change of every result that was made with it.
    #expect(forward == "465aa2231daa3f4ccd5e1f7f882ba7fea157bb9752aefaf380540e4210fb7a90")
  }

  @Test func textsAreShortAndPlain() throws {
    let alphabet = Set("0123456789+-*/=#:, \nabdelmnoqrstuvx")
    var failures: [String] = []
    for side in LadderSettings.Side.allCases {
      var settings = LadderSettings.standard(side)
      settings.levels = [1, 2, 3, 4, 5]
      settings.rows = 6_000
      for row in try Self.rows(settings) {
        let (prompt, work) = (Self.text(row), row.demonstrations[0])
        let limit = [28, 36, 42, 51, 60][Int(row.tags["level"]!)! - 1]
        let keyword = LadderFamily(rawValue: row.source)!.keyword
        if prompt.count > 26 || work.count > limit || !prompt.hasPrefix(keyword)
          || !prompt.hasSuffix("\n") || !(prompt + work).allSatisfy(alphabet.contains)
        {
          failures.append("\(prompt.count) \(work.count) \(row)")
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  @Test func familiesAndLevelsCanBeLeftOut() throws {
    var settings = LadderSettings.corpus
    settings.rows = 300
    settings.levelsByFamily = ["addition": [], "subtraction": [5]]
    let rows = try Self.rows(settings)
    #expect(!rows.contains { $0.source == "addition" })
    #expect(rows.allSatisfy { $0.source != "subtraction" || $0.tags["level"] == "5" })
    #expect(Set(rows.map(\.source)).count == 7)
  }

  @Test func settingsThatMakeNoRowsAreNamed() {
    let changes: [(inout LadderSettings) -> Void] = [
      { $0.levels = [6] }, { $0.levels = [1, 1] }, { $0.rows = -1 }, { $0.families = [] },
      { $0.families += [.addition] }, { $0.wrongShareByLevel = [1] },
      { $0.wrongShareByLevel[0] = 1.5 }, { $0.levelsByFamily = ["adition": [1]] },
      { $0.levelsByFamily = ["addition": [0]] },
    ]
    for (number, change) in changes.enumerated() {
      var settings = LadderSettings.corpus
      change(&settings)
      let error = #expect(throws: ShardError.self) { try Ladder(settings) }
      #expect(error?.code == .settings, "change \(number)")
    }
  }
}

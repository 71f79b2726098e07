import Randomness
public import Records

/// What `pipeline data generate countdown` makes.
public struct CountdownSettings: Sendable, Equatable, Codable {
  /// One set of numbers and target in eight is a test question, whatever the seed.
  public enum Side: String, Sendable, Equatable, Codable, CaseIterable {
    case train
    case test
  }

  public var side: Side
  public var seed: UInt64
  public var rows: Int
  /// Level 1 has three numbers, 2 four, up to 4 with six; row i has level i mod levels.
  public var levels: [Int]

  public init(side: Side = .train, seed: UInt64 = 17, rows: Int = 2_000, levels: [Int] = [1, 2, 3])
  {
    self.side = side
    self.seed = seed
    self.rows = rows
    self.levels = levels
  }

  public static let train = CountdownSettings()
  public static let test = CountdownSettings(side: .test, rows: 300)
}

/// Reach a target with +, -, * and / from given numbers, each used exactly once.
///
/// `use 3 5 8 for 37` → `5*8=40`, `40-3=37`, `#### 5*8-3`. There are many right answers, so the
/// ground truth is the question in JSON, `{"numbers":[3,5,8],"target":37}`, and the demonstration is
/// one solution. A row is a function of the settings and its index; questions may come twice.
public struct Countdown: Sendable {
  public let settings: CountdownSettings
  private let stream: RandomStream

  /// - Throws: `ShardError.settings` for settings that make no rows.
  public init(_ settings: CountdownSettings) throws(ShardError) {
    guard !settings.levels.isEmpty, settings.levels.allSatisfy((1...4).contains) else {
      throw .settings(
        "countdown", "the levels are \(settings.levels)", "Use at least one of 1 to 4.")
    }
    guard (0...100_000_000).contains(settings.rows) else {
      throw .settings("countdown", "\(settings.rows) rows", "Ask for 0 to 100000000 rows.")
    }
    self.settings = settings
    stream = RandomStream(seed: settings.seed, purpose: .dataset)
  }

  public var count: Int { settings.rows }

  public func row(_ index: Int) -> Prompt {
    let level = settings.levels[index % settings.levels.count]
    // Draws until one lies on the asked side: 8 attempts on average at most.
    var attempt: UInt32 = 0
    while true {
      var draws = Draws(stream: stream, index: UInt64(index), attempt: attempt)
      let question = CountdownQuestion(numbers: level + 2, &draws)
      if question.isTest == (settings.side == .test) {
        return question.row(id: "\(settings.side.rawValue)-\(index)", level: level)
      }
      attempt += 1
    }
  }
}

/// The random numbers of one attempt at one row, in order.
private struct Draws {
  let stream: RandomStream
  let index: UInt64
  let attempt: UInt32
  /// Apart from the ladder's counters, which stay below 16.
  private var next: UInt32 = 16

  init(stream: RandomStream, index: UInt64, attempt: UInt32) {
    self.stream = stream
    self.index = index
    self.attempt = attempt
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    next += 1
    return range.lowerBound
      + Int(stream.integer(below: UInt64(range.count), index, attempt, next))
  }
}

private struct CountdownQuestion {
  /// A value reached so far, and how.
  private struct Term {
    var value: Int
    var text: String
    /// 0: a sum or difference, 1: a product or quotient, 2: a number.
    var precedence: Int
  }

  let numbers: [Int]
  let target: Int
  let lines: [String]
  let expression: String

  /// Joins two of the terms by a random operation until one is left; values stay whole, above 0 and
  /// below 100, so that the steps are short.
  init(numbers count: Int, _ draws: inout Draws) {
    numbers = (0..<count).map { _ in draws.number(1...9) }
    var terms = numbers.map { Term(value: $0, text: "\($0)", precedence: 2) }
    var lines: [String] = []
    while terms.count > 1 {
      let left = terms.remove(at: draws.number(0...terms.count - 1))
      let right = terms.remove(at: draws.number(0...terms.count - 1))
      let (term, line) = Self.join(left, right, &draws)
      terms.append(term)
      lines.append(line)
    }
    target = terms[0].value
    expression = terms[0].text
    self.lines = lines
  }

  private static func join(_ left: Term, _ right: Term, _ draws: inout Draws) -> (Term, String) {
    let (large, small) = left.value >= right.value ? (left, right) : (right, left)
    var choices: [(symbol: String, value: Int, left: Term, right: Term)] = []
    if left.value + right.value < 100 {
      choices.append(("+", left.value + right.value, left, right))
    }
    if left.value * right.value < 100 {
      choices.append(("*", left.value * right.value, left, right))
    }
    if large.value > small.value { choices.append(("-", large.value - small.value, large, small)) }
    if large.value % small.value == 0 {
      choices.append(("/", large.value / small.value, large, small))
    }
    // Never empty: of two equal values the quotient is 1, of two others the difference is above 0.
    let chosen = choices[draws.number(0...choices.count - 1)]
    let precedence = chosen.symbol == "+" || chosen.symbol == "-" ? 0 : 1
    // To the right of - and / an operation of the same rank needs brackets too.
    let strict = chosen.symbol == "-" || chosen.symbol == "/"
    let text =
      bracketed(chosen.left, below: precedence) + chosen.symbol
      + bracketed(chosen.right, below: strict ? precedence + 1 : precedence)
    return (
      Term(value: chosen.value, text: text, precedence: precedence),
      "\(chosen.left.value)\(chosen.symbol)\(chosen.right.value)=\(chosen.value)"
    )
  }

  private static func bracketed(_ term: Term, below precedence: Int) -> String {
    term.precedence < precedence ? "(\(term.text))" : term.text
  }

  /// One question in eight, by a hash of its numbers in any order and its target.
  var isTest: Bool {
    let stream = RandomStream(seed: 0x636F_756E_74, purpose: .dataset)
    var hash = UInt64(target)
    for (place, number) in numbers.sorted().enumerated() {
      hash = stream.bits(hash ^ UInt64(number), UInt32(place))
    }
    return hash % 8 == 0
  }

  func row(id: String, level: Int) -> Prompt {
    let list = numbers.map(String.init)
    return Prompt(
      id: id, content: .text("use \(list.joined(separator: " ")) for \(target)\n"),
      groundTruth: "{\"numbers\":[\(list.joined(separator: ","))],\"target\":\(target)}",
      demonstrations: [(lines + ["#### \(expression)"]).joined(separator: "\n")],
      source: "countdown", tags: ["level": "\(level)"])
  }
}

/// A regular expression, matched in time linear in the text: a Pike machine, which walks through the
/// text once with all states that it can be in.
///
/// Matches are those of backtracking engines (leftmost, earlier alternatives and longer repetitions
/// first, unless lazy; they differ where a loop's body may be empty), but no pattern takes longer than program size times text. Each step counts
/// towards `stepLimit`, which makes a verdict's cost the same on every machine.
struct LinearRegex: Sendable {
  /// Of instructions; counted repetitions are written out.
  static let programLimit = 10_000
  /// Steps of one search: some 20 ms on a core of 2020.
  static let stepLimit = 1_000_000

  enum Instruction: Sendable {
    case set(ScalarSet)
    case assertion(RegexAssertion)
    /// The first is preferred.
    case split(Int, Int)
    case jump(Int)
    /// Notes the place: slots 0 and 1 of the whole match, 2 and 3 of the first group.
    case save(Int)
    case match
  }

  private let program: [Instruction]
  /// Whether there is a group that captures.
  let hasGroup: Bool

  init(_ pattern: String, ignoresCase: Bool = false) throws(RegexProblem) {
    var parser = RegexParser(pattern, ignoresCase: ignoresCase)
    let node = try parser.parse()
    hasGroup = parser.groups > 0
    var compiler = RegexCompiler()
    program = try compiler.program(of: node)
  }

  /// Where a match stands: offsets of scalars.
  struct Match: Equatable {
    var whole: Range<Int>
    /// The first group, if it took part.
    var group: Range<Int>?
  }

  enum Outcome: Equatable {
    case found(Match)
    case none
    /// The steps were used up before the search ended.
    case tooLong
  }

  /// The first match at or behind `start`.
  ///
  /// - Parameter steps: what may still be spent; less after the call.
  func first(in text: [Unicode.Scalar], from start: Int = 0, steps: inout Int) -> Outcome {
    var machine = RegexMachine(program, text, steps)
    let outcome = machine.run(from: start)
    steps = machine.steps
    return outcome
  }
}

/// Writes a tree as a program.
private struct RegexCompiler {
  private var code: [LinearRegex.Instruction] = []

  mutating func program(of node: RegexNode) throws(RegexProblem) -> [LinearRegex.Instruction] {
    try emit(.save(0))
    try add(node)
    try emit(.save(1))
    try emit(.match)
    return code
  }

  @discardableResult
  private mutating func emit(_ instruction: LinearRegex.Instruction) throws(RegexProblem) -> Int {
    guard code.count < LinearRegex.programLimit else {
      throw RegexProblem(
        problem: "comes to more than \(LinearRegex.programLimit) instructions, with its counts")
    }
    code.append(instruction)
    return code.count - 1
  }

  private mutating func add(_ node: RegexNode) throws(RegexProblem) {
    switch node {
    case .empty: break
    case .set(let set): try emit(.set(set))
    case .assertion(let assertion): try emit(.assertion(assertion))
    case .sequence(let parts): for part in parts { try add(part) }
    case .group(let inner, let number):
      if number == 1 { try emit(.save(2)) }
      try add(inner)
      if number == 1 { try emit(.save(3)) }
    case .alternatives(let all): try add(alternatives: all)
    case .repetition(let inner, let least, let most, let isLazy):
      for _ in 0..<least { try add(inner) }
      if let most {
        try add(optional: inner, times: most - least, isLazy)
      } else {
        try add(loop: inner, isLazy)
      }
    }
  }

  private mutating func add(alternatives all: [RegexNode]) throws(RegexProblem) {
    var jumps: [Int] = []
    for (index, one) in all.enumerated() {
      guard index < all.count - 1 else {
        try add(one)
        break
      }
      let split = try emit(.split(0, 0))
      try add(one)
      jumps.append(try emit(.jump(0)))
      code[split] = .split(split + 1, code.count)
    }
    for jump in jumps { code[jump] = .jump(code.count) }
  }

  private mutating func add(loop inner: RegexNode, _ isLazy: Bool) throws(RegexProblem) {
    let split = try emit(.split(0, 0))
    try add(inner)
    try emit(.jump(split))
    code[split] = isLazy ? .split(code.count, split + 1) : .split(split + 1, code.count)
  }

  /// `(inner(inner(…)?)?)?`
  private mutating func add(
    optional inner: RegexNode, times: Int, _ isLazy: Bool
  ) throws(RegexProblem) {
    var splits: [Int] = []
    for _ in 0..<times {
      splits.append(try emit(.split(0, 0)))
      try add(inner)
    }
    for split in splits {
      code[split] = isLazy ? .split(code.count, split + 1) : .split(split + 1, code.count)
    }
  }
}

/// One search: the states that the program can be in, best first.
private struct RegexMachine {
  private typealias Slots = (Int, Int, Int, Int)

  private struct Thread {
    var place: Int
    var slots: Slots
  }

  private let program: [LinearRegex.Instruction]
  private let text: [Unicode.Scalar]
  private(set) var steps: Int
  /// In which round an instruction was last reached: it is followed once a round.
  private var reached: [Int]
  private var round = 0
  /// What `follow` has still to look at; kept for its memory.
  private var open: [(place: Int, slots: Slots)] = []

  init(_ program: [LinearRegex.Instruction], _ text: [Unicode.Scalar], _ steps: Int) {
    self.program = program
    self.text = text
    self.steps = steps
    reached = Array(repeating: 0, count: program.count)
  }

  mutating func run(from start: Int) -> LinearRegex.Outcome {
    var best: Slots?
    var current: [Thread] = []
    var list: [Thread] = []
    var position = start
    while true {
      round += 1
      list.removeAll(keepingCapacity: true)
      // The states of the last round, better ones first; a new attempt is worst of all.
      for thread in current { follow(thread.place, thread.slots, at: position, &list) }
      if best == nil { follow(0, (-1, -1, -1, -1), at: position, &list) }
      guard steps >= 0 else { return .tooLong }
      current.removeAll(keepingCapacity: true)
      for thread in list {
        steps -= 1
        guard case .set(let set) = program[thread.place] else {
          // A match: what comes behind it in the list is worse.
          best = thread.slots
          break
        }
        if position < text.count, set.contains(text[position].value) {
          current.append(Thread(place: thread.place + 1, slots: thread.slots))
        }
      }
      guard position < text.count, best == nil || !current.isEmpty else { break }
      position += 1
    }
    guard let best else { return .none }
    return .found(
      LinearRegex.Match(
        whole: best.0..<best.1, group: best.3 >= best.2 && best.2 >= 0 ? best.2..<best.3 : nil))
  }

  /// Adds the states that `place` leads to without taking a scalar.
  private mutating func follow(
    _ place: Int, _ slots: Slots, at position: Int, _ list: inout [Thread]
  ) {
    open.append((place, slots))
    while var (place, slots) = open.popLast() {
      follow: while reached[place] != round {
        reached[place] = round
        steps -= 1
        switch program[place] {
        case .set, .match:
          list.append(Thread(place: place, slots: slots))
          break follow
        case .jump(let target): place = target
        case .split(let first, let second):
          open.append((second, slots))
          place = first
        case .save(let slot):
          switch slot {
          case 0: slots.0 = position
          case 1: slots.1 = position
          case 2: slots.2 = position
          default: slots.3 = position
          }
          place += 1
        case .assertion(let assertion):
          guard holds(assertion, at: position) else { break follow }
          place += 1
        }
      }
    }
  }

  private func holds(_ assertion: RegexAssertion, at position: Int) -> Bool {
    func isBreak(_ place: Int) -> Bool { ScalarSet.lineBreaks.contains(text[place].value) }
    func isWord(_ place: Int) -> Bool {
      text.indices.contains(place) && ScalarSet.word.contains(text[place].value)
    }
    switch assertion {
    case .textStart: return position == 0
    case .textEnd: return position == text.count
    case .lineStart: return position == 0 || isBreak(position - 1)
    case .lineEnd: return position == text.count || isBreak(position)
    case .wordBoundary: return isWord(position - 1) != isWord(position)
    case .noWordBoundary: return isWord(position - 1) == isWord(position)
    }
  }
}

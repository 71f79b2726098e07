import Conditions
public import Records
import Stages

/// What became of a run's groups, step by step and question by question, from the index alone.
public struct GateHistory: Sendable {
  /// The groups of a step by fate.
  public struct Step: Sendable, Equatable, Encodable {
    public var step: UInt64
    public var sft = 0
    public var rl = 0
    public var mixed = 0
    public var dropped = 0
    /// Those that the gate has not decided.
    public var waiting = 0
    public var groups = 0

    init(step: UInt64) { self.step = step }

    /// Some neighbouring steps as one, under the first one's number.
    public init(joining steps: ArraySlice<Step>) {
      self.init(step: steps.first?.step ?? 0)
      for other in steps {
        sft += other.sft
        rl += other.rl
        mixed += other.mixed
        dropped += other.dropped
        waiting += other.waiting
        groups += other.groups
      }
    }

    mutating func add(_ fate: GroupSummary.Fate) {
      groups += 1
      switch fate {
      case .imitated: sft += 1
      case .reinforced: rl += 1
      case .mixed: mixed += 1
      case .dropped: dropped += 1
      case .prompted, .generated, .verified: waiting += 1
      }
    }
  }

  /// How a question went over its groups.
  public struct Question: Sendable, Equatable {
    public var id: String
    public var source: String
    /// Its first group.
    public var group: GroupID
    public var groups = 0
    /// Right rollouts of all that counted.
    public var solved = 0
    public var total = 0
    /// The first step at which its accuracy lay above the gate's line.
    public var firstSolved: UInt64?
    /// Steps at which it lay there no more, after it had.
    public var flippedBack: [UInt64] = []
    /// In its first group and in its last.
    public var firstShare: Double?
    public var lastShare: Double?
    public var lastGroup: GroupID = 0
    public var lastStep: UInt64 = 0
    var isAbove = false

    public var accuracy: Double? { total == 0 ? nil : Double(solved) / Double(total) }
  }

  /// The group of a question at a step.
  public struct Cell: Sendable, Equatable, Encodable {
    public var step: UInt64
    public var group: GroupID
    public var solved: Int?
    public var total: Int?
    public var fate: GroupSummary.Fate
  }

  /// The questions of one source and level, step by step.
  public struct Slice: Sendable, Equatable, Encodable {
    public struct Cell: Sendable, Equatable, Encodable {
      public var step: UInt64
      public var groups = 0
      public var solved = 0
      public var total = 0
    }

    public var source: String
    /// nil where the prompts have none.
    public var level: String?
    public var cells: [Cell] = []

    /// With the cells of `size` neighbouring steps, counted from the run's first, as one.
    public func binned(_ size: UInt64, from first: UInt64) -> Slice {
      var slice = Slice(source: source, level: level)
      for cell in cells {
        let step = first + (cell.step - first) / size * size
        if slice.cells.last?.step != step { slice.cells.append(Cell(step: step)) }
        slice.cells[slice.cells.count - 1].groups += cell.groups
        slice.cells[slice.cells.count - 1].solved += cell.solved
        slice.cells[slice.cells.count - 1].total += cell.total
      }
      return slice
    }
  }

  public enum Order: String, Sendable, CaseIterable {
    /// As they were asked first.
    case first
    /// Least accuracy first.
    case hardest
    /// Most often flipped back first.
    case flips
  }

  public var steps: [Step] = []
  public var questions: [Question] = []
  /// By source, then level.
  public var slices: [Slice] = []

  static let fields: Set<GroupField> = [
    .step, .question, .source, .level, .solved, .total, .fate,
  ]

  /// Places of questions in an order.
  public func places(_ order: Order) -> [Int] {
    let places = Array(questions.indices)
    switch order {
    case .first: return places
    case .hardest:
      return places.sorted {
        let (a, b) = (questions[$0].accuracy ?? 2, questions[$1].accuracy ?? 2)
        return a == b ? $0 < $1 : a < b
      }
    case .flips:
      return places.sorted {
        let (a, b) = (questions[$0].flippedBack.count, questions[$1].flippedBack.count)
        return a == b ? $0 < $1 : a > b
      }
    }
  }
}

extension StoredRun {
  /// - Parameter line: γ, the accuracy at or below which the gate sends a group to imitation.
  public func gateHistory(line: Double = 0) throws -> GateHistory {
    var history = GateHistory()
    var known: [String: Int] = [:]
    var slices: [String: Int] = [:]
    try index.forEachBlock(GateHistory.fields) { block in
      let rows = try GateRows(block)
      let places = rows.questionNames.map { name in
        if let place = known[name] { return place }
        known[name] = history.questions.count
        history.questions.append(.init(id: name, source: "", group: 0))
        return history.questions.count - 1
      }
      for row in 0..<block.groups {
        let cell = rows.cell(row)
        history.add(cell, rows.source(row), place: places[rows.question(row)], line: line)
        let (source, level) = (rows.source(row), rows.level(row))
        let name = "\(source)\u{0}\(level ?? "")"
        let slice = slices[name] ?? history.slices.count
        if slices.updateValue(slice, forKey: name) == nil {
          history.slices.append(GateHistory.Slice(source: source, level: level))
        }
        history.slices[slice].add(cell)
      }
      return true
    }
    history.slices.sort { ($0.source, $0.level ?? "") < ($1.source, $1.level ?? "") }
    // A name stands in the list as its first block has it: sorted. The order is that of asking.
    history.questions.sort { $0.group < $1.group }
    return history
  }

  /// The cells of some questions, ascending by group.
  public func gateCells(of questions: [String]) throws -> [String: [GateHistory.Cell]] {
    let wanted = Set(questions)
    var cells: [String: [GateHistory.Cell]] = [:]
    try index.forEachBlock(GateHistory.fields) { block in
      let rows = try GateRows(block)
      let isWanted = rows.questionNames.map { wanted.contains($0) }
      guard isWanted.contains(true) else { return true }
      for row in 0..<block.groups where isWanted[rows.question(row)] {
        cells[rows.questionNames[rows.question(row)], default: []].append(rows.cell(row))
      }
      return true
    }
    return cells
  }
}

extension GateHistory {
  fileprivate mutating func add(_ cell: Cell, _ source: String, place: Int, line: Double) {
    if steps.last?.step != cell.step { steps.append(Step(step: cell.step)) }
    steps[steps.count - 1].add(cell.fate)
    if questions[place].groups == 0 {
      questions[place].group = cell.group
      questions[place].source = source
    }
    questions[place].groups += 1
    questions[place].lastGroup = cell.group
    questions[place].lastStep = cell.step
    guard let solved = cell.solved, let total = cell.total, total > 0 else { return }
    questions[place].solved += solved
    questions[place].total += total
    let share = Double(solved) / Double(total)
    if questions[place].firstShare == nil { questions[place].firstShare = share }
    questions[place].lastShare = share
    let isAbove = share > line
    if isAbove, questions[place].firstSolved == nil { questions[place].firstSolved = cell.step }
    if !isAbove, questions[place].isAbove { questions[place].flippedBack.append(cell.step) }
    questions[place].isAbove = isAbove
  }
}

extension GateHistory.Slice {
  fileprivate mutating func add(_ cell: GateHistory.Cell) {
    if cells.last?.step != cell.step { cells.append(Cell(step: cell.step)) }
    cells[cells.count - 1].groups += 1
    cells[cells.count - 1].solved += cell.solved ?? 0
    cells[cells.count - 1].total += cell.total ?? 0
  }
}

/// A block's columns as the gate's history reads them.
private struct GateRows {
  let questionNames: [String]
  private let first: GroupID
  private let questions: IndexColumn
  private let sources: IndexColumn
  private let sourceNames: [String]
  private let levels: IndexColumn
  private let levelNames: [String]
  private let steps: IndexColumn
  private let solved: IndexColumn
  private let total: IndexColumn
  private let fates: IndexColumn
  private let fateNames: [GroupSummary.Fate]

  init(_ block: IndexBlock) throws(RecordError) {
    first = block.coverage.first
    questions = try block.column(.question)
    sources = try block.column(.source)
    levels = try block.column(.level)
    steps = try block.column(.step)
    solved = try block.column(.solved)
    total = try block.column(.total)
    fates = try block.column(.fate)
    questionNames = questions.texts
    sourceNames = sources.texts
    levelNames = levels.texts
    fateNames = fates.texts.map { GroupSummary.Fate(rawValue: $0) ?? .prompted }
  }

  func question(_ row: Int) -> Int { Int(questions.codes[row]) - 1 }

  func source(_ row: Int) -> String { sourceNames[Int(sources.codes[row]) - 1] }

  func level(_ row: Int) -> String? {
    levels.codes[row] == 0 ? nil : levelNames[Int(levels.codes[row]) - 1]
  }

  func cell(_ row: Int) -> GateHistory.Cell {
    GateHistory.Cell(
      step: UInt64(steps.number(row) ?? 0), group: first + GroupID(row),
      solved: solved.number(row).map { Int($0) }, total: total.number(row).map { Int($0) },
      fate: fateNames[Int(fates.codes[row]) - 1])
  }
}

extension IndexColumn {
  /// The texts that occur.
  fileprivate var texts: [String] {
    guard case .texts(let texts) = values else { return [] }
    return texts.map { String(decoding: $0, as: UTF8.self) }
  }

  fileprivate func number(_ row: Int) -> Double? {
    guard codes[row] > 0, case .numbers(let numbers) = values else { return nil }
    return numbers[Int(codes[row]) - 1]
  }
}

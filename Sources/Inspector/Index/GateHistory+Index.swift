import Conditions
import Records

extension StoredRun {
  /// - Parameter line: γ, the accuracy at or below which the gate sends a group to imitation.
  public func gateHistory(line: Double = 0) throws -> GateHistory {
    var builder = GateHistoryBuilder(line: line)
    try index.forEachBlock(GateHistory.fields) { block in
      try builder.add(try GateRows(block))
      return true
    }
    return builder.history
  }

  /// The cells of some questions, ascending by group.
  public func gateCells(
    of questions: [GateHistory.QuestionName]
  ) throws -> [GateHistory.QuestionName: [GateHistory.Cell]] {
    let wanted = Set(questions)
    let ids = Set(questions.map(\.id))
    var cells: [GateHistory.QuestionName: [GateHistory.Cell]] = [:]
    try index.forEachBlock(GateHistory.fields) { block in
      let rows = try GateRows(block)
      let isWanted = rows.ids.map { ids.contains($0) }
      guard isWanted.contains(true) else { return true }
      for row in 0..<rows.count where isWanted[try rows.idPlace(row)] {
        let name = try rows.name(row)
        if wanted.contains(name) { cells[name, default: []].append(try rows.cell(row)) }
      }
      return true
    }
    return cells
  }
}

/// A history as its blocks come in.
private struct GateHistoryBuilder {
  private(set) var history = GateHistory()
  private let line: Double
  private var questions: [GateHistory.QuestionName: Int] = [:]
  private var slices: [GateHistory.SliceName: Int] = [:]

  init(line: Double) { self.line = line }

  mutating func add(_ rows: GateRows) throws {
    for row in 0..<rows.count {
      let name = try rows.name(row)
      let cell = try rows.cell(row)
      if history.steps.last?.step != cell.step { history.steps.append(.init(step: cell.step)) }
      history.steps[history.steps.count - 1].add(cell.fate)
      let question = questions[name] ?? history.questions.count
      if questions.updateValue(question, forKey: name) == nil {
        history.questions.append(.init(name: name, group: cell.group))
      }
      history.questions[question].add(cell, line: line)
      let sliceName = GateHistory.SliceName(source: name.source, level: rows.level(row))
      let slice = slices[sliceName] ?? history.slices.count
      if slices.updateValue(slice, forKey: sliceName) == nil {
        history.slices.append(.init(name: sliceName))
      }
      history.slices[slice].add(cell)
    }
  }
}

extension GateHistory.Question {
  fileprivate mutating func add(_ cell: GateHistory.Cell, line: Double) {
    groups += 1
    lastGroup = cell.group
    lastStep = cell.step
    guard let right = cell.solved, let all = cell.total, all > 0 else { return }
    solved += right
    total += all
    let share = Double(right) / Double(all)
    firstShare = firstShare ?? share
    lastShare = share
    let isAbove = share > line
    if isAbove, firstSolved == nil { firstSolved = cell.step }
    if !isAbove, self.isAbove { flippedBack.append(cell.step) }
    self.isAbove = isAbove
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
  /// Groups of the block.
  let count: Int
  let ids: [String]
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
    count = block.groups
    first = block.coverage.first
    questions = try block.column(.question)
    sources = try block.column(.source)
    levels = try block.column(.level)
    steps = try block.column(.step)
    solved = try block.column(.solved)
    total = try block.column(.total)
    fates = try block.column(.fate)
    ids = questions.texts
    sourceNames = sources.texts
    levelNames = levels.texts
    fateNames = fates.texts.map { GroupSummary.Fate(rawValue: $0) ?? .prompted }
  }

  /// Place among `ids`.
  func idPlace(_ row: Int) throws(RecordError) -> Int { try questions.place(row) }

  func name(_ row: Int) throws(RecordError) -> GateHistory.QuestionName {
    GateHistory.QuestionName(
      source: sourceNames[try sources.place(row)], id: ids[try questions.place(row)])
  }

  func level(_ row: Int) -> String? {
    levels.codes[row] == 0 ? nil : levelNames[Int(levels.codes[row]) - 1]
  }

  func cell(_ row: Int) throws(RecordError) -> GateHistory.Cell {
    GateHistory.Cell(
      step: steps.integer(row).flatMap(UInt64.init(exactly:)) ?? 0, group: first + GroupID(row),
      solved: solved.integer(row), total: total.integer(row),
      fate: fateNames[try fates.place(row)])
  }
}

extension IndexColumn {
  /// The texts that occur.
  fileprivate var texts: [String] {
    guard case .texts(let texts) = values else { return [] }
    return texts.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The place of a row's value in a column in which every row has one.
  fileprivate func place(_ row: Int) throws(RecordError) -> Int {
    guard codes[row] > 0 else {
      throw RecordError(location: "index", problem: "a group lacks what every group has")
    }
    return Int(codes[row]) - 1
  }

  fileprivate func integer(_ row: Int) -> Int? {
    guard codes[row] > 0, case .numbers(let numbers) = values else { return nil }
    return Int(exactly: numbers[Int(codes[row]) - 1])
  }
}

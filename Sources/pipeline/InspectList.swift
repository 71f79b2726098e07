import ArgumentParser
import Conditions
import Foundation
import Inspector
import Records
import Synchronization

struct InspectList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "One line for each group, or for each rollout.",
    discussion: """
      Rewards appear as marks, one for each rollout: ● for 1, ○ for 0, ◐ for anything between, \
      ± for other values and ! for an error of the verifier.

      A condition joins comparisons with and, or, not and brackets: =, !=, <, <=, >, >= and in (a, b); \
      ~ and !~ say that a text contains another, case aside. It holds of a group when it holds, as a \
      whole, of one of its rollouts:

        pipeline inspect list RUN --where 'reward = 1 and length > 40 and step >= 120'
        pipeline inspect list RUN --where 'accuracy = 0 and level in (4, 5)' --sort length --descending
        pipeline inspect list RUN --where 'fate = dropped and not drop ~ error' --columns group,drop

      Fields, those with a star read from the records and therefore slower:
      \(FieldTable.lines.joined(separator: "\n"))
      """)

  @OptionGroup var place: RunArgument
  @Option(name: .customLong("where"), help: "Only groups of which this condition holds.")
  var condition: String?
  @Option(help: "Only groups of this step.") var step: UInt64?
  @Option(help: "Only prompts of this source.") var source: String?
  @Option(help: ArgumentHelp("Sort by a field with numbers.", valueName: "field"))
  var sort: String?
  @Flag(help: "The greatest first; without --sort the last group first.") var descending = false
  @Option(help: ArgumentHelp("These fields instead of the usual columns.", valueName: "fields"))
  var columns: String?
  @Flag(help: "A line for each rollout that the condition holds of.") var rollouts = false
  @Option(help: ArgumentHelp("How many groups at most.", valueName: "n")) var limit = 50
  @Option(help: ArgumentHelp("Begin at this group.", valueName: "group")) var from: GroupID = 0
  @Option(help: ArgumentHelp("Pass over so many groups first.", valueName: "n")) var skip = 0
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit is \(limit); use 0 or more.") }
    guard skip >= 0 else { throw ValidationError("--skip is \(skip); use 0 or more.") }
    _ = try fields()
  }

  func run() throws {
    let query = try query()
    let stored = try place.open()
    if query.needsIndex { try IndexNote.update(stored) }
    if options.json {
      let output = options.output
      try stored.list(query) { try output.json(ListedLine($0), isLine: true) }
      return
    }
    var page = ListPage(columns: try fields(), isOfRollouts: rollouts)
    var last: GroupID?
    var shown = 0
    let found = try stored.list(query) {
      try page.add($0)
      last = $0.summary.group
      shown += 1
    }
    guard let last else { return Output.note("no groups") }
    options.output.print(page.table)
    guard found.hasMore else { return }
    let count = found.total.map { "\(shown) of \($0) groups" } ?? "\(shown) groups"
    let isInOrder = query.order == nil && !query.descends
    Output.note(
      "\(count); more: " + (isInOrder ? "--from \(last + 1)" : "--skip \(skip + shown)"))
  }

  private func query() throws -> GroupQuery {
    var parts: [Condition] = []
    if let condition { parts.append(try Condition(onGroups: condition)) }
    if let step { parts.append(.compare("step", .equal, .number(Double(step)))) }
    if let source { parts.append(.compare("source", .equal, .text(source))) }
    return try GroupQuery(
      where: parts.dropFirst().reduce(parts.first) { $0?.and($1) },
      order: try sort.map { try Self.field($0, "--sort") }, descends: descending, from: from,
      skip: skip, limit: limit)
  }

  private func fields() throws -> [GroupField] {
    try (columns ?? "").split(separator: ",").map { try Self.field(String($0), "--columns") }
  }

  private static func field(_ name: String, _ option: String) throws -> GroupField {
    guard let field = GroupField.named(name) else {
      throw InspectorError(
        .badRequest, at: option, "there is no field \(name.shortened)",
        remedy: "Fields: \(GroupField.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return field
  }
}

/// The fields of conditions for help.
enum FieldTable {
  static var lines: [String] {
    let width = GroupField.allCases.map(\.rawValue.count).max() ?? 0
    return GroupField.allCases.map { field in
      let name = field.rawValue + (field.isIndexed ? "" : "*")
      return "  " + name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + field.meaning
    }
  }
}

/// Says on stderr that an index is being made, when that takes long enough to be noticed.
enum IndexNote {
  static func update(_ stored: StoredRun) throws {
    let last = Mutex(ContinuousClock.now)
    try stored.index.update { done, total in
      let isDue = last.withLock { last in
        guard ContinuousClock.now - last > .seconds(1) else { return false }
        last = .now
        return true
      }
      if isDue { Output.note("indexing: \(done) of \(total) groups") }
    }
  }
}

/// A group of a list as JSON: its summary, and the rollouts that the condition holds of.
private struct ListedLine: Encodable {
  let group: ListedGroup

  init(_ group: ListedGroup) { self.group = group }

  private enum CodingKeys: String, CodingKey { case matching }

  func encode(to encoder: any Encoder) throws {
    try group.summary.encode(to: encoder)
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(group.rollouts, forKey: .matching)
  }
}

/// The lines of `inspect list`: the usual table, or one of chosen fields.
private struct ListPage {
  private let columns: [GroupField]
  private let isOfRollouts: Bool
  private var groups = GroupTable()
  private var chosen: TextTable

  /// Those of a line for each rollout where none are named.
  private static let ofRollouts: [GroupField] = [
    .group, .step, .question, .rollout, .reward, .length, .finish, .reason, .text,
  ]

  init(columns: [GroupField], isOfRollouts: Bool) {
    self.columns = columns.isEmpty && isOfRollouts ? Self.ofRollouts : columns
    self.isOfRollouts = isOfRollouts
    chosen = TextTable(
      self.columns.map {
        .init($0.rawValue, $0.kind == .number ? .right : .left, shrinks: $0.kind == .text)
      })
  }

  var table: TextTable { columns.isEmpty ? groups.table : chosen }

  mutating func add(_ group: ListedGroup) throws {
    guard !columns.isEmpty else { return groups.add(group.summary) }
    let cells = try columns.map { field in try group.values(field).map(Self.cell) }
    guard isOfRollouts else {
      return chosen.add(cells.map { $0.joined(separator: " ") })
    }
    for row in group.rollouts.indices {
      chosen.add(zip(columns, cells).map { $0.isOfRollouts ? $1[row] : $1[0] })
    }
  }

  private static func cell(_ value: Condition.Value?) -> String {
    switch value {
    case nil: ""
    case .number(let number): Condition.Value.number(number).text
    case .text(let text): TerminalText.escaped(String(text.prefix(200)))
    }
  }
}

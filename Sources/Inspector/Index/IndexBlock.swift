import Conditions
import Records

/// What the index holds of some consecutive groups: how far they had come, and a column a field.
struct IndexBlock: Sendable {
  /// Groups of a block; block b begins at group b · size.
  static let size: GroupID = 4096
  /// A longer text is compared by its first so many bytes: no text makes the index large.
  static let longestText = 1024

  /// How much of a block's groups the logs had when it was made. A block holds as long as it would be
  /// made of the same again.
  struct Coverage: Sendable, Equatable {
    /// As `ReadTransaction.revision`.
    var revision: UInt64 = 0
    /// The first group that it has: above the block's own where retention has trimmed others.
    var first: GroupID = 0
    /// Of these groups, from the first on, those with prompts, rollouts, verdicts, decisions, and those
    /// that a loss batch has consumed.
    var counts: [UInt32] = []
  }

  var coverage: Coverage
  /// Where the rows of each group begin, and the number of all of them.
  var starts: [Int]
  /// Encoded columns by field.
  var columns: [GroupField: [UInt8]]

  var groups: Int { starts.count - 1 }
  var rows: Int { starts[groups] }

  func column(_ field: GroupField) throws(RecordError) -> IndexColumn {
    switch field {
    case .group: return IndexColumn(numbers: expanded { Double(coverage.first) + Double($0) })
    case .rollout:
      return IndexColumn(
        numbers: (0..<groups).flatMap { group in
          (0..<(starts[group + 1] - starts[group])).map { Double($0) }
        })
    default:
      guard let bytes = columns[field] else {
        throw RecordError(location: "index", problem: "has no column \(field)")
      }
      return try IndexColumn(bytes, rows: field.isOfRollouts ? rows : groups)
    }
  }

  /// One value a row of what the groups have.
  func expanded<Value>(_ value: (Int) -> Value) -> [Value] {
    var all: [Value] = []
    all.reserveCapacity(rows)
    for group in 0..<groups {
      let own = value(group)
      for _ in starts[group]..<starts[group + 1] { all.append(own) }
    }
    return all
  }
}

/// A block as it is being made.
struct IndexBlockBuilder {
  private var starts = [0]
  private var numbers: [GroupField: [Double?]] = [:]
  private var texts: [GroupField: [String?]] = [:]

  init() {
    for field in GroupField.allCases where field.hasColumn {
      if field.kind == .number { numbers[field] = [] } else { texts[field] = [] }
    }
  }

  mutating func add(_ records: GroupRecords) throws {
    let values = GroupFieldValues(records: records) { _ in "" }
    let rows = GroupFieldValues.rows(of: records)
    starts.append(starts[starts.count - 1] + rows)
    for field in GroupField.allCases where field.hasColumn {
      for row in 0..<(field.isOfRollouts ? rows : 1) {
        add(try values.value(field, row: row), field)
      }
    }
  }

  private mutating func add(_ value: Condition.Value?, _ field: GroupField) {
    switch value {
    case .number(let number): numbers[field, default: []].append(number)
    case .text(let text):
      let bytes = text.utf8
      texts[field, default: []].append(
        bytes.count <= IndexBlock.longestText
          ? text : String(decoding: bytes.prefix(IndexBlock.longestText), as: UTF8.self))
    case nil:
      if field.kind == .number {
        numbers[field, default: []].append(nil)
      } else {
        texts[field, default: []].append(nil)
      }
    }
  }

  func block(_ coverage: IndexBlock.Coverage) -> IndexBlock {
    var columns: [GroupField: [UInt8]] = [:]
    for (field, rows) in numbers { columns[field] = IndexColumn(numbers: rows).encoded() }
    for (field, rows) in texts { columns[field] = IndexColumn(texts: rows).encoded() }
    return IndexBlock(coverage: coverage, starts: starts, columns: columns)
  }
}

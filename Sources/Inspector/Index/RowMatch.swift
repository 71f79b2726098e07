import Conditions
import Records

/// A condition over the rows of a block: each value that occurs is compared once.
struct RowMatch {
  private let block: IndexBlock
  private var columns: [GroupField: IndexColumn] = [:]

  init(_ block: IndexBlock) { self.block = block }

  /// For each row whether `term` holds.
  ///
  /// - Parameter unknown: what comparisons of fields without a column come to. With true the answer holds
  ///   wherever the condition may, with false only where it must.
  mutating func rows(_ term: Condition.Term, unknown: Bool) throws -> [Bool] {
    switch term {
    case .all(let terms): try joined(terms, unknown, true) { $0 && $1 }
    case .any(let terms): try joined(terms, unknown, false) { $0 || $1 }
    case .not(let term): try rows(term, unknown: !unknown).map { !$0 }
    case .compare(let name, .equal, .text(let text)) where GroupField.named(name)?.kind == .text:
      try rows(name, unknown) { column in column.place(of: text).map { [$0] } ?? [] }
    case .compare(let name, let comparison, let value):
      try rows(name, unknown) { $0.places { $0.compares(comparison, value) } }
    case .isOneOf(let name, let values):
      try rows(name, unknown) { column in
        column.places { own in values.contains { own.compares(.equal, $0) } }
      }
    case .hasValue(let name): try rows(name, unknown) { column in Array(0..<column.values.count) }
    }
  }

  private mutating func joined(
    _ terms: [Condition.Term], _ unknown: Bool, _ start: Bool, _ join: (Bool, Bool) -> Bool
  ) throws -> [Bool] {
    var all = [Bool](repeating: start, count: block.rows)
    for term in terms {
      let own = try rows(term, unknown: unknown)
      for row in all.indices { all[row] = join(all[row], own[row]) }
    }
    return all
  }

  /// - Parameter places: of the values of a column that are looked for.
  private mutating func rows(
    _ name: String, _ unknown: Bool, _ places: (IndexColumn) -> [Int]
  ) throws -> [Bool] {
    guard let field = GroupField.named(name), field.isIndexed else {
      return [Bool](repeating: unknown, count: block.rows)
    }
    let column = try column(field)
    let found = places(column)
    guard !found.isEmpty else { return [Bool](repeating: false, count: block.rows) }
    var table = [Bool](repeating: false, count: column.values.count + 1)
    for place in found { table[place + 1] = true }
    guard !field.isOfRollouts, field != .group else { return column.codes.map { table[Int($0)] } }
    return block.expanded { table[Int(column.codes[$0])] }
  }

  mutating func column(_ field: GroupField) throws -> IndexColumn {
    if let known = columns[field] { return known }
    let column = try block.column(field)
    columns[field] = column
    return column
  }
}

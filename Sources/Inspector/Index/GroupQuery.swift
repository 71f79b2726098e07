public import Conditions
import Queue
public import Records
import Stages
import Tokenizer

/// Which groups are asked for, and in which order.
public struct GroupQuery: Sendable {
  public var condition: Condition?
  /// A field with numbers; nil: by GroupID. Of rollouts the greatest value of those that the condition
  /// holds of counts, ascending the least.
  public var order: GroupField?
  public var descends: Bool
  /// Groups below it do not count.
  public var from: GroupID
  /// How many of the groups that are left to pass over.
  public var skip: Int
  public var limit: Int

  /// - Throws: `.badRequest` for an order by texts.
  public init(
    where condition: Condition? = nil, order: GroupField? = nil, descends: Bool = false,
    from: GroupID = 0, skip: Int = 0, limit: Int = .max
  ) throws(InspectorError) {
    if let order, order.kind != .number || !order.isIndexed {
      let names = GroupField.allCases.filter { $0.kind == .number && $0.isIndexed }
      throw InspectorError(
        .badRequest, at: "--sort", "\(order.rawValue) has no numbers to sort by",
        remedy: "Sort by one of \(names.map(\.rawValue).joined(separator: ", ")).")
    }
    self.condition = condition
    self.order = order
    self.descends = descends
    self.from = from
    self.skip = skip
    self.limit = limit
  }
}

/// The groups that were asked for.
public struct GroupMatches: Sendable, Equatable {
  public struct Match: Sendable, Equatable {
    public var group: GroupID
    /// The rollouts that the condition holds of; empty without a condition on rollouts.
    public var rollouts: [Int]
    /// What it was sorted by.
    var key: Double?

    public init(group: GroupID, rollouts: [Int]) {
      self.init(group: group, rollouts: rollouts, key: nil)
    }

    init(group: GroupID, rollouts: [Int], key: Double?) {
      self.group = group
      self.rollouts = rollouts
      self.key = key
    }
  }

  public var matches: [Match] = []
  /// All that were found; nil where looking ended at the limit.
  public var total: Int?
  public var hasMore = false
}

/// A group of a list.
public struct ListedGroup {
  public var summary: GroupSummary
  /// The rollouts that the condition holds of: all without one.
  public var rollouts: [Int]
  fileprivate let values: GroupFieldValues

  /// The value of a field; of rollouts those of the ones that the condition holds of.
  public func values(_ field: GroupField) throws -> [Condition.Value?] {
    guard field.isOfRollouts else { return [try values.value(field, row: 0)] }
    return try rollouts.map { try values.value(field, row: $0) }
  }
}

extension GroupQuery {
  /// Whether the logs' own order answers it.
  public var needsIndex: Bool { condition != nil || order != nil || descends || skip > 0 }
}

extension StoredRun {
  /// Hands the groups that `query` asks for to `body`, in its order.
  ///
  /// - Returns: how many there are, where that is known, and whether there are more than were asked for.
  @discardableResult
  public func list(
    _ query: GroupQuery, _ body: (ListedGroup) throws -> Void
  ) throws -> (total: Int?, hasMore: Bool) {
    guard query.needsIndex else { return try listInOrder(query, body) }
    let found = try groups(query)
    for match in found.matches {
      try body(try listed(try records(of: match.group), match.rollouts))
    }
    return (found.total, found.hasMore)
  }

  private func listInOrder(
    _ query: GroupQuery, _ body: (ListedGroup) throws -> Void
  ) throws -> (total: Int?, hasMore: Bool) {
    var left = query.limit
    var hasMore = false
    try forEachGroup(from: query.from) { records in
      guard left > 0 else {
        hasMore = true
        return false
      }
      left -= 1
      try body(try listed(records, Array(0..<(records.rollouts?.rollouts.count ?? 0))))
      return true
    }
    let (base, head) = try queue.read { (try RunBase($0).group, try $0.head(.prompts)) }
    return (Int(head - min(head, max(base, query.from))), hasMore)
  }

  private func listed(_ records: GroupRecords, _ rollouts: [Int]) throws -> ListedGroup {
    ListedGroup(
      summary: GroupSummary(records), rollouts: rollouts,
      values: GroupFieldValues(records: records, text: try texts()))
  }

  /// Trajectories as text.
  private func texts() throws -> (Trajectory) throws -> String {
    let tokenizer = try tokenizer()
    return { tokenizer.decode($0.tokens, skipSpecials: true) }
  }

  /// The groups that `query` asks for: from the index, and from records for what that lacks.
  public func groups(_ query: GroupQuery) throws -> GroupMatches {
    let fields = Set((query.condition?.fields ?? []).compactMap(GroupField.named))
    var collector = GroupCollector(query, isExact: fields.allSatisfy(\.isIndexed))
    let columns = fields.union(query.order.map { [$0] } ?? [])
    try index.forEachBlock(columns) { block in
      try collector.add(block) { group, rollouts in try self.holds(query, group, rollouts) }
      return !collector.isFull
    }
    return collector.finished()
  }

  /// The rollouts of `group`, among `rows`, of which the whole condition holds; nil where of none.
  private func holds(_ query: GroupQuery, _ group: GroupID, _ rows: [Int]) throws -> [Int]? {
    guard let condition = query.condition else { return rows }
    let values = GroupFieldValues(records: try records(of: group), text: try texts())
    let found = try rows.filter { row in
      var failure: (any Error)?
      let holds = condition.holds { name in
        guard let field = GroupField.named(name) else { return nil }
        do { return try values.value(field, row: row) } catch {
          failure = error
          return nil
        }
      }
      if let failure { throw failure }
      return holds
    }
    return found.isEmpty ? nil : found
  }
}

/// Gathers what blocks hold until there is enough of it.
private struct GroupCollector {
  private let query: GroupQuery
  /// Whether the index alone says what the condition comes to.
  private let isExact: Bool
  private var found: [GroupMatches.Match] = []
  private var total = 0
  private(set) var isFull = false

  /// Kept beside what is wanted, before the rest is thrown away.
  private static let slack = 4096

  init(_ query: GroupQuery, isExact: Bool) {
    self.query = query
    self.isExact = isExact
  }

  /// Whether groups come in order and no further one is shown.
  private var isEnough: Bool { query.order == nil && !query.descends && found.count > wanted }

  private var wanted: Int {
    let (sum, overflow) = query.skip.addingReportingOverflow(query.limit)
    return overflow ? .max : sum
  }

  /// - Parameter judge: of a group that may match and rows of it: those that do.
  mutating func add(
    _ block: IndexBlock, _ judge: (GroupID, [Int]) throws -> [Int]?
  ) throws {
    var match = RowMatch(block)
    let rows = try query.condition.map { try match.rows($0.term, unknown: true) }
    let keys = try query.order.map { try match.column($0) }
    for index in 0..<block.groups {
      let group = block.coverage.first + GroupID(index)
      guard group >= query.from else { continue }
      let own = block.starts[index]..<block.starts[index + 1]
      var rollouts: [Int] = []
      if let rows, isExact, isEnough {
        // Beyond what is shown they are only counted.
        if own.contains(where: { rows[$0] }) { total += 1 }
        continue
      }
      if let rows {
        rollouts = own.lazy.filter { rows[$0] }.map { $0 - own.lowerBound }
        if rollouts.isEmpty { continue }
        if !isExact {
          guard let judged = try judge(group, rollouts) else { continue }
          rollouts = judged
        }
      }
      let key = keys.flatMap { self.key($0, block, index, rollouts) }
      take(GroupMatches.Match(group: group, rollouts: rollouts, key: key))
      if isFull { return }
    }
  }

  private func key(
    _ column: IndexColumn, _ block: IndexBlock, _ index: Int, _ rollouts: [Int]
  ) -> Double? {
    guard let order = query.order else { return nil }
    func number(_ row: Int) -> Double? {
      if case .number(let number)? = column[row] { number } else { nil }
    }
    guard order.isOfRollouts || order == .group else { return number(index) }
    let start = block.starts[index]
    let rows = rollouts.isEmpty ? Array(0..<(block.starts[index + 1] - start)) : rollouts
    let numbers = rows.compactMap { number(start + $0) }
    return query.descends ? numbers.max() : numbers.min()
  }

  private mutating func take(_ match: GroupMatches.Match) {
    total += 1
    if query.order == nil, !query.descends {
      // In order already: what is passed over and what is too many need not be kept.
      if found.count <= wanted - (wanted == .max ? 1 : 0) { found.append(match) }
      // Reading records costs; what the index knows is counted to the end.
      isFull = !isExact && found.count > wanted
      return
    }
    found.append(match)
    if wanted < .max - Self.slack, found.count > wanted + Self.slack { shorten(to: wanted + 1) }
  }

  private mutating func shorten(to count: Int) {
    found.sort(by: precedes)
    if found.count > count { found.removeLast(found.count - count) }
  }

  /// Groups without a value come last, those of one value in order of their GroupID.
  private func precedes(_ a: GroupMatches.Match, _ b: GroupMatches.Match) -> Bool {
    guard query.order != nil else { return query.descends ? a.group > b.group : a.group < b.group }
    switch (a.key, b.key) {
    case (let a?, let b?) where a != b: return query.descends ? a > b : a < b
    case (_?, nil): return true
    case (nil, _?): return false
    default: return a.group < b.group
    }
  }

  mutating func finished() -> GroupMatches {
    shorten(to: .max)
    let rest = found.dropFirst(query.skip)
    return GroupMatches(
      matches: Array(rest.prefix(query.limit)), total: isFull ? nil : total,
      hasMore: rest.count > query.limit)
  }
}

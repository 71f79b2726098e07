import Conditions
import Inspector
import Records

/// Groups of a run that a condition holds of.
struct GroupListView: Encodable {
  struct Row: Encodable {
    var group: GroupID
    var step: UInt64
    var wave: UInt32
    var id: String
    var source: String
    var level: String?
    var fate: GroupSummary.Fate
    var reason: String?
    var solved: Int?
    var total: Int?
    var rewards: [Double?]
    var lengths: [Int]
    var rules: [String]
    var prompt: String
    /// Rollouts that the condition holds of.
    var matching: [Int]

    init(_ listed: ListedGroup) {
      self.init(listed.summary)
      matching = listed.rollouts
    }

    init(_ group: GroupSummary) {
      self.group = group.group
      step = group.step
      wave = group.wave
      id = group.id
      source = group.source
      level = group.level
      fate = group.fate
      reason = group.reason
      solved = group.solved
      total = group.total
      rewards = group.rewards
      lengths = group.lengths
      rules = group.verdicts
      prompt = String(group.prompt.prefix(GroupListView.longestPrompt))
      matching = []
    }
  }

  struct Field: Encodable {
    var name: String
    var kind: String
    var description: String
  }

  static let longestPrompt = 200
  private static let most: UInt64 = 1000

  var rows: [Row] = []
  /// nil where looking ended at the limit.
  var total: Int?
  var more: Bool
  /// How many to pass over for the next page.
  var next: UInt64?
  var fields: [Field]
  var sorts: [String]
  var sources: Named<String>

  init(_ run: LibraryRun, _ query: PageQuery) throws {
    let limit = try query.number("limit", standard: 50, most: Self.most)
    let skip = try query.number("from", standard: 0, most: 1 << 48)
    sorts = GroupField.allCases.filter { $0.kind == .number && $0.isIndexed }.map(\.rawValue)
    let order = try query.choice("sort", of: ["group"] + sorts)
    let descends = try query.choice("descending", of: ["0", "1"]) == "1"
    let asked = try GroupQuery(
      where: try query.text("where").map { try Condition(onGroups: $0) },
      order: order == "group" ? nil : GroupField.named(order), descends: descends,
      skip: Int(skip), limit: Int(limit))
    var rows: [Row] = []
    let found = try run.stored.list(asked) { rows.append(Row($0)) }
    self.rows = rows
    total = found.total
    more = found.hasMore
    next = found.hasMore ? skip + UInt64(rows.count) : nil
    fields = Self.fields
    sources = Self.sources
  }

  /// Some groups of a run that has `all`.
  init(_ run: LibraryRun, of groups: [GroupID], all: Int) throws {
    rows = try groups.map { Row(try run.stored.summary(of: $0)) }
    total = all
    more = groups.count < all
    fields = Self.fields
    sorts = []
    sources = Self.sources
  }

  private static var fields: [Field] {
    GroupField.allCases.map {
      Field(
        name: $0.rawValue, kind: $0.kind == .number ? "number" : "text", description: $0.meaning)
    }
  }

  private static var sources: Named<String> {
    Named([
      "step": "prompt shard reader · prompts/{group}",
      "prompt": "prompt shard reader · prompts/{group}",
      "fate": "performance gate · decisions/{group}; loss assembler · batches/{step} · drops",
      "reason": "performance gate · decisions/{group} · rule or drop",
      "solved": "performance gate · decisions/{group}",
      "rewards": "verifier · verdicts/{group}", "rules": "verifier · verdicts/{group}",
      "lengths": "rollout generator · rollouts/{group}",
    ])
  }
}

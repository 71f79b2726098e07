import Randomness
public import Records

/// The arithmetic ladder: short questions with ground truth and worked steps.
///
/// A row is a function of the settings and its index alone, so any part can be made at any time.
/// Within a family and level no question comes twice until all of its side have come (for levels
/// with more than 65,536 questions: for the first thousand rows of the test side and the first
/// 16,384 of the others, and rarely after that).
public struct Ladder: Sendable {
  public let settings: LadderSettings
  /// One entry per family that has levels, in the order of the settings.
  private let cells: [[LadderCell]]
  private let stream: RandomStream

  /// - Throws: `ShardError.settings` for settings that make no rows.
  public init(_ settings: LadderSettings) throws(ShardError) {
    try settings.validate()
    self.settings = settings
    stream = RandomStream(seed: settings.seed, purpose: .dataset)
    cells = settings.families.compactMap { family in
      let levels = settings.levels(of: family)
      guard !levels.isEmpty else { return nil }
      return levels.map {
        LadderCell(family: family, level: $0, side: settings.side, seed: settings.seed)
      }
    }
  }

  /// How many rows the settings ask for.
  public var count: Int { settings.rows }

  /// The row at `index`; indices past `count` go on in the same way.
  public func row(_ index: Int) -> Prompt {
    let (ordinal, family) = index.quotientAndRemainder(dividingBy: cells.count)
    let levels = cells[family]
    let cell = levels[ordinal % levels.count]
    let problem = cell.problem(ordinal / levels.count)
    let right = problem.work(slip: nil)
    var tags = ["level": "\(cell.level)"]
    var demonstration = right
    if slips(index, level: cell.level), let wrong = wrong(problem, right: right, index) {
      demonstration = wrong
      tags["slip"] = "yes"
    }
    return Prompt(
      id: "\(settings.side.rawValue)-\(index)",
      content: .text("\(cell.family.keyword) \(problem.question)\n"),
      groundTruth: right.answer, demonstrations: [demonstration.text],
      source: cell.family.rawValue, tags: tags)
  }

  private func slips(_ index: Int, level: Int) -> Bool {
    settings.side == .corpus
      && stream.uniform(UInt64(index), 1) < settings.wrongShareByLevel[level - 1]
  }

  /// The solution with a slip. Where the slip does not reach the answer (it may vanish in a
  /// product), the next place is taken; the last step's always does. None where the family knows
  /// no slips.
  private func wrong(
    _ problem: any LadderProblem, right: LadderWork, _ index: Int
  ) -> LadderWork? {
    let places = problem.slips
    guard places > 0 else { return nil }
    let first =
      settings.slips == .first
      ? 0 : Int(stream.integer(below: UInt64(places), UInt64(index), 2))
    for place in 0..<places {
      let work = problem.work(slip: (first + place) % places)
      if work.answer != right.answer { return work }
    }
    preconditionFailure("Ladder: no slip changes the answer of row \(index)")
  }
}

/// The questions of one family, level and side, in a seeded order.
struct LadderCell: Sendable {
  let family: LadderFamily
  let level: Int
  private let side: LadderSettings.Side
  private let order: Permutation
  /// The questions of this side, for levels that are small enough to list.
  private let listed: [UInt32]?

  private static let listedLimit: UInt64 = 1 << 16

  init(family: LadderFamily, level: Int, side: LadderSettings.Side, seed: UInt64) {
    self.family = family
    self.level = level
    self.side = side
    let count = family.rule.count(level: level)
    if count <= Self.listedLimit {
      let isTest = side == .test
      listed = (0..<UInt32(count)).filter {
        Self.isTest(family.rule.init(level: level, index: UInt64($0)), family) == isTest
      }
    } else {
      listed = nil
    }
    // The corpus and the training prompts draw from the same questions, in orders of their own.
    let purpose: UInt64 = side == .corpus ? 64 : 0
    order = Permutation(
      count: listed.map { UInt64($0.count) } ?? count, seed: seed,
      epoch: purpose + UInt64(family.ordinal * 8 + level), purpose: .dataset)
  }

  /// The `ordinal`-th question of this cell; starts anew when all have come.
  func problem(_ ordinal: Int) -> any LadderProblem {
    if let listed {
      let position = UInt64(ordinal) % order.count
      return family.rule.init(level: level, index: UInt64(listed[Int(order[position])]))
    }
    // Each ordinal searches places of its own, so that no two find the same question: 64 places
    // miss a test question once in 5,000 times, 4 miss a training question as often.
    let places: UInt64 = side == .test ? 64 : 4
    var position = UInt64(ordinal) &* places
    while true {
      let problem = family.rule.init(level: level, index: order[position % order.count])
      if Self.isTest(problem, family) == (side == .test) { return problem }
      position &+= 1
    }
  }

  /// One question in eight, by a hash of what it asks that no seed changes.
  static func isTest(_ problem: any LadderProblem, _ family: LadderFamily) -> Bool {
    let stream = RandomStream(seed: 0x6C61_6464_6572, purpose: .dataset)
    var hash = UInt64(family.ordinal)
    for (place, operand) in problem.canonical.enumerated() {
      hash = stream.bits(hash ^ UInt64(operand), UInt32(place))
    }
    return hash % 8 == 0
  }
}

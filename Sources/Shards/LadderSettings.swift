/// What `pipeline data generate ladder` makes.
public struct LadderSettings: Sendable, Equatable, Codable {
  /// Which part of the questions, and what it is for. Every question lies on one of two sides by
  /// a hash of its operands, whatever the seed and the number of rows: one in eight is a test
  /// question.
  public enum Side: String, Sendable, Equatable, Codable, CaseIterable {
    /// Post-training prompts with right demonstrations.
    case train
    /// Questions of the evaluation suites, with right demonstrations.
    case test
    /// The base model's text: questions of the train side, a share of the demonstrations wrong.
    case corpus
  }

  /// Where a wrong demonstration goes wrong.
  public enum SlipPlacement: String, Sendable, Equatable, Codable, CaseIterable {
    /// At its first step that can: one decision, which sampling at a low temperature does not undo.
    case first
    /// At any of its steps, each equally often.
    case anywhere
  }

  public var side: Side
  public var seed: UInt64
  /// How many rows; row i belongs to family i mod families, so that all are equally frequent.
  public var rows: Int
  public var families: [LadderFamily]
  /// Levels of the families in distribution, equally frequent within a family.
  public var levels: [Int]
  /// Levels of the two families out of distribution.
  public var oodLevels: [Int]
  /// Levels of single families, by name of the suite, instead of the above; an empty list leaves
  /// the family out.
  public var levelsByFamily: [String: [Int]]
  /// For levels 1 to 5 the share of demonstrations with a slip, in 0...1; only of the corpus, and
  /// never of the families out of distribution.
  public var wrongShareByLevel: [Double]
  public var slips: SlipPlacement

  public init(
    side: Side, seed: UInt64 = 17, rows: Int, families: [LadderFamily], levels: [Int],
    oodLevels: [Int] = [1, 2, 3], levelsByFamily: [String: [Int]] = [:],
    wrongShareByLevel: [Double] = [0.3, 0.5, 0.65, 0.75, 0.85], slips: SlipPlacement = .anywhere
  ) {
    self.side = side
    self.seed = seed
    self.rows = rows
    self.families = families
    self.levels = levels
    self.oodLevels = oodLevels
    self.levelsByFamily = levelsByFamily
    self.wrongShareByLevel = wrongShareByLevel
    self.slips = slips
  }

  /// Six families, five levels, 667 prompts of each.
  public static let train = LadderSettings(
    side: .train, rows: 20_010, families: LadderFamily.inDistribution, levels: [1, 2, 3, 4, 5])

  /// 200 questions of each of the eight suites.
  public static let test = LadderSettings(
    side: .test, rows: 1_600, families: LadderFamily.allCases, levels: [1, 2, 3, 4, 5])

  /// A share of wrong solutions that grows with the level, and gaps: level 5 of two families never
  /// occurs. The two other families are always right.
  public static let corpus = LadderSettings(
    side: .corpus, rows: 120_000, families: LadderFamily.allCases, levels: [1, 2, 3, 4, 5],
    oodLevels: [1, 2, 3, 4],
    levelsByFamily: ["multiplication": [1, 2, 3, 4], "linear_equations": [1, 2, 3, 4]])

  /// The default settings of a side.
  public static func standard(_ side: Side) -> LadderSettings {
    switch side {
    case .train: .train
    case .test: .test
    case .corpus: .corpus
    }
  }

  /// The levels of a family, ascending.
  public func levels(of family: LadderFamily) -> [Int] {
    let own = levelsByFamily[family.rawValue]
    return (own ?? (family.isOutOfDistribution ? oodLevels : levels)).sorted()
  }

  func validate() throws(ShardError) {
    let place = "ladder \(side.rawValue)"
    guard (0...100_000_000).contains(rows) else {
      throw .settings(place, "\(rows) rows", "Ask for 0 to 100000000 rows.")
    }
    guard Set(families).count == families.count else {
      throw .settings(place, "a family is named twice", "Name each family once.")
    }
    for name in levelsByFamily.keys.sorted() where LadderFamily(rawValue: name) == nil {
      let known = LadderFamily.allCases.map(\.rawValue).joined(separator: ", ")
      throw .settings(place, "no family is called \"\(name)\"", "Use one of \(known).")
    }
    for family in families {
      let asked = levels(of: family)
      guard asked.allSatisfy(LadderFamily.levels.contains), Set(asked).count == asked.count else {
        throw .settings(
          place, "\(family.rawValue) has the levels \(asked)", "Use each of 1 to 5 at most once.")
      }
    }
    guard families.contains(where: { !levels(of: $0).isEmpty }) else {
      throw .settings(place, "no family has a level", "Name at least one family and level.")
    }
    guard wrongShareByLevel.count == 5, wrongShareByLevel.allSatisfy({ (0...1).contains($0) })
    else {
      throw .settings(
        place, "the wrong shares are \(wrongShareByLevel)", "Give five numbers from 0 to 1.")
    }
  }
}

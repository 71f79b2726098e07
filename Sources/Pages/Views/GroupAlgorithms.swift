import Definition
import Estimator
import Inspector
import Records
import Replay
import Stages
import Tokenizer

/// The algorithms that a group's page offers, and a group under all of them.
enum GroupAlgorithms {
  /// `run` is the run's own, with the parts that its definition replaces. The others are the catalogue's,
  /// as released; those that need the steps before a group, a critic or pairs are not among them.
  static let names = [
    "run", "sft", "reinforce", "rloo", "reinforce_plus_plus_baseline", "grpo", "dr_grpo", "dapo",
    "gspo",
    "cispo", "gvpo", "luffy", "srft", "hpt",
  ]

  private static let titles = [
    "sft": "SFT", "reinforce": "REINFORCE", "rloo": "RLOO",
    "reinforce_plus_plus_baseline": "REINFORCE++ baseline", "grpo": "GRPO", "dr_grpo": "Dr. GRPO",
    "dapo": "DAPO", "gspo": "GSPO", "cispo": "CISPO", "gvpo": "GVPO", "luffy": "LUFFY",
    "srft": "SRFT",
    "hpt": "HPT",
  ]

  static func title(_ name: String) -> String { titles[name] ?? name }

  static func choices(of own: String) -> [RunView.Choice] {
    names.map { name in
      RunView.Choice(
        name: name, title: name == "run" ? "this run (\(title(own)))" : title(name),
        own: name == "run")
    }
  }

  /// Every algorithm over the step of a group: the group's tokens with their factors.
  ///
  /// - Throws: where the step is not whole yet.
  static func replay(_ group: GroupID, _ stored: StoredRun) throws -> Result {
    let definition = try FrozenDefinition.read(of: stored.home)
    let algorithms = try names.map { try ReplayedAlgorithm($0, run: definition) }
    var replay = try Replay(
      stored.queue, definition: definition, under: algorithms, .init(group: group))
    var trajectories: [ReplayedTrajectory] = []
    let report = try replay.run { trajectories.append($0) }
    return Result(report: report, decisions: replay.decisions, trajectories: trajectories)
  }

  struct Result {
    var report: ReplayReport
    var decisions: [ReplayedDecision]
    var trajectories: [ReplayedTrajectory]
  }
}

/// One value a token, or one that all tokens share.
enum TokenColumn: Encodable, Equatable {
  case all(Float)
  case each([Float])

  init(_ values: [Double]) {
    let values = values.map { Float($0) }
    if let first = values.first, values.allSatisfy({ $0.bitPattern == first.bitPattern }) {
      self = .all(first)
    } else {
      self = .each(values)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .all(let value): try container.encode(value)
    case .each(let values): try container.encode(values)
    }
  }
}

/// A trajectory's factors under one algorithm: weight = mask · ratio · shape · advantage · norm + added.
struct TokenFactors: Encodable {
  var mask: TokenColumn
  var ratio: TokenColumn
  var logReference: TokenColumn
  var shape: TokenColumn
  var advantage: TokenColumn
  var norm: TokenColumn
  var added: TokenColumn
  var weight: TokenColumn

  init(_ trajectory: ReplayedTrajectory) {
    let tokens = trajectory.tokens
    mask = TokenColumn(tokens.map(\.mask))
    ratio = TokenColumn(tokens.map(\.ratio))
    logReference = TokenColumn(tokens.map(\.logReference))
    shape = TokenColumn(tokens.map(\.shape))
    advantage = TokenColumn(tokens.map(\.advantage))
    norm = TokenColumn(tokens.map(\.norm))
    added = TokenColumn(tokens.map(\.added))
    weight = TokenColumn(tokens.map(\.weight))
  }
}

import Inspector
import Records
import Stages

/// The gate step by step, and every question's accuracy over the steps.
struct GateView: Encodable {
  struct Question: Encodable {
    var id: String
    var source: String
    var prompt: String
    var cells: [GateHistory.Cell]
    var firstSolved: UInt64?
    var flippedBack: [UInt64]
  }

  /// Questions of a page at most.
  static let mostQuestions = 200
  private static let longestPrompt = 160
  /// Bars of the area at most.
  private static let mostSteps = 1000

  var gamma: Double?
  var gammaText: String
  var bin: Int
  var steps: [GateHistory.Step]
  var slices: [GateHistory.Slice]
  var questions: [Question]
  var total: Int
  var from: UInt64
  var sources: Named<String>

  init(_ run: LibraryRun, _ query: PageQuery) throws {
    let from = try query.number("from", standard: 0)
    let count = try query.number("count", standard: 50, most: UInt64(Self.mostQuestions))
    let names = GateHistory.Order.allCases.map(\.rawValue)
    let order = GateHistory.Order(rawValue: try query.choice("sort", of: names)) ?? .first
    try self.init(run, from: from) { history in
      let places = history.places(order).dropFirst(Int(clamping: from)).prefix(Int(count))
      return places.map { history.questions[$0] }
    }
  }

  /// With the questions of some groups alone: of a report, whose other groups are not there.
  init(_ run: LibraryRun, questionsOf groups: [GroupID]) throws {
    let names = Set(
      try groups.map { group in
        let summary = try run.stored.summary(of: group)
        return GateHistory.QuestionName(source: summary.source, id: summary.id)
      })
    try self.init(run, from: 0) { history in
      Array(history.questions.filter { names.contains($0.name) }.prefix(Self.mostQuestions))
    }
  }

  private init(
    _ run: LibraryRun, from: UInt64, _ choose: (GateHistory) -> [GateHistory.Question]
  ) throws {
    self.from = from
    let line = run.stored.directory.exists ? GateLine(try run.settings()) : GateLine()
    gamma = line.share
    gammaText = line.text
    let history = try run.gate()
    let size = max(1, (history.steps.count + Self.mostSteps - 1) / Self.mostSteps)
    bin = size
    steps = stride(from: 0, to: history.steps.count, by: size).map {
      GateHistory.Step(joining: history.steps[$0..<min($0 + size, history.steps.count)])
    }
    slices = history.slices.sorted { ($0.source, $0.level ?? "") < ($1.source, $1.level ?? "") }
      .map { $0.binned(UInt64(size), from: history.steps.first?.step ?? 0) }
    total = history.questions.count
    let chosen = choose(history)
    let cells = try run.stored.gateCells(of: chosen.map(\.name))
    questions = try chosen.map { question in
      Question(
        id: question.name.id, source: question.name.source,
        prompt: String(
          try run.stored.summary(of: question.group).prompt.prefix(Self.longestPrompt)),
        cells: cells[question.name] ?? [], firstSolved: question.firstSolved,
        flippedBack: question.flippedBack)
    }
    sources = Named([
      "sft": "gate · decisions of step {step} · groups whose demonstration alone trains",
      "rl": "gate · decisions of step {step} · groups whose rollouts alone train",
      "mixed": "gate · decisions of step {step} · groups where both train",
      "dropped": "gate · decisions, and loss assembler · batches/{step} · drops",
      "cell": "gate · decisions/{group} · solved / total",
      "slice":
        "gate · decisions of step {step} · solved / total, over the groups of a source and level",
      "first_solved": "the first step whose accuracy lies above the line",
      "flipped_back": "steps whose accuracy lies at or below the line after it lay above",
      "gamma": "pipeline.yaml · algorithm.gate",
    ])
  }
}

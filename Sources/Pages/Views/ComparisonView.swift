import Evaluation
import Foundation
import Inspector
import Queue
import Records
import Stages

/// Several runs beside each other.
struct ComparisonView: Encodable {
  struct Subject: Encodable {
    var key: String
    var name: String
    var algorithm: String
    var seed: UInt64
  }

  struct Line: Encodable {
    var key: String
    var steps: [Double]
    var values: [Double?]
  }

  struct Series: Encodable {
    var name: String
    var title: String
    var unit: String
    var group: String
    var definition: String
    var formula: String
    var runs: [Line]
  }

  /// What a run made of a question: in its first group, and in its last.
  struct Look: Encodable {
    var first: Double?
    var share: Double?
    var group: GroupID
  }

  struct Question: Encodable {
    var id: String
    var prompt: String
    var solved: Named<Look>
  }

  struct Only: Encodable {
    var id: String
    var prompt: String
    var group: GroupID
    var step: UInt64
  }

  struct Questions: Encodable {
    /// Those that all runs were asked.
    var shared: Int
    var rows: [Question]
  }

  struct Point: Encodable {
    var k: Int
    var mean: Double
    var low: Double?
    var high: Double?
  }

  struct PassAtK: Encodable {
    var key: String
    var points: [Point]
  }

  private static let mostRuns = 8
  private static let mostQuestions = 200
  private static let longestPrompt = 160

  var runs: [Subject]
  var series: [Series]
  var questions: Questions
  /// Questions that one run solves in its last look at them and no other run does.
  var only: Named<[Only]>
  var passAtK: [PassAtK]
  var sources: Named<String>

  init(_ library: RunLibrary, _ query: PageQuery) throws {
    let keys = (query.text("runs") ?? "").split(separator: ",").map(String.init)
    guard (1...Self.mostRuns).contains(keys.count), Set(keys).count == keys.count else {
      throw PagesError(
        .badRequest, at: "runs", "\(keys.count) runs are named",
        remedy: "Name one to \(Self.mostRuns) different ones, separated by commas.")
    }
    let subjects = try keys.map { try library.run($0) }
    runs = try subjects.map { run in
      let settings = try run.settings()
      return Subject(
        key: run.key, name: settings.name, algorithm: settings.algorithm.name, seed: settings.seed)
    }
    series = try Self.series(subjects)
    let looks = try subjects.map { try Self.looks($0) }
    questions = try Self.questions(subjects, looks)
    only = try Self.only(subjects, looks)
    passAtK = try subjects.compactMap { try Self.passAtK($0, library) }
    sources = Named([
      "series": "metrics.jsonl of each run",
      "solved": "decisions/{group} · share of right rollouts, in a question's first and last group",
      "only": "right at least once in the run's last group of the question, and in no other run's",
      "pass_at_k":
        "the run's last evaluations, all suites; unbiased estimate, bands are bootstrap over questions",
    ])
  }

  private static func series(_ runs: [LibraryRun]) throws -> [Series] {
    let views = try runs.map { (key: $0.key, view: try MetricsView($0)) }
    let names = Set(views.flatMap { $0.view.series.map(\.name) }).sorted()
    return names.compactMap { name in
      let lines = views.compactMap { key, view in
        view.series.first { $0.name == name }.map { (key, view.steps, $0) }
      }
      guard let own = lines.first?.2 else { return nil }
      return Series(
        name: name, title: own.title, unit: own.unit, group: own.group, definition: own.definition,
        formula: own.formula,
        runs: lines.map { Line(key: $0.0, steps: $0.1, values: $0.2.values) })
    }
  }

  private typealias Looks = [GateHistory.QuestionName: GateHistory.Question]

  private static func looks(_ run: LibraryRun) throws -> Looks {
    Dictionary(uniqueKeysWithValues: try run.gate().questions.map { ($0.name, $0) })
  }

  private static func questions(
    _ runs: [LibraryRun], _ looks: [Looks]
  ) throws -> Questions {
    let shared = (looks.first ?? [:]).filter { name, _ in looks.allSatisfy { $0[name] != nil } }
    // Those that the runs differ most on come first.
    let spread = shared.keys.map { name in
      let shares = looks.compactMap { $0[name]?.lastShare }
      return (name: name, spread: (shares.max() ?? 0) - (shares.min() ?? 0))
    }
    let chosen = spread.sorted {
      ($1.spread, $0.name.source, $0.name.id) < ($0.spread, $1.name.source, $1.name.id)
    }.prefix(mostQuestions)
    let rows = try chosen.compactMap { name, _ -> Question? in
      guard let first = shared[name] else { return nil }
      let solved = zip(runs, looks).compactMap { run, looks in
        looks[name].map {
          (run.key, Look(first: $0.firstShare, share: $0.lastShare, group: $0.lastGroup))
        }
      }
      return Question(
        id: first.name.id, prompt: try prompt(of: first.group, runs[0]),
        solved: Named(Dictionary(uniqueKeysWithValues: solved)))
    }
    return Questions(shared: shared.count, rows: rows)
  }

  private static func only(
    _ runs: [LibraryRun], _ looks: [Looks]
  ) throws -> Named<[Only]> {
    var only: [String: [Only]] = [:]
    for (place, run) in runs.enumerated() where runs.count > 1 {
      let own = looks[place].filter { name, question in
        (question.lastShare ?? 0) > 0
          && looks.indices.allSatisfy { other in
            other == place || looks[other][name].map { ($0.lastShare ?? 1) == 0 } ?? false
          }
      }
      only[run.key] = try own.values.sorted { $0.group < $1.group }.prefix(mostQuestions).map {
        Only(
          id: $0.name.id, prompt: try prompt(of: $0.group, run), group: $0.lastGroup,
          step: $0.lastStep)
      }
    }
    return Named(only)
  }

  private static func prompt(of group: GroupID, _ run: LibraryRun) throws -> String {
    String(try run.stored.summary(of: group).prompt.prefix(longestPrompt))
  }

  /// Over the questions of all suites of the run's last evaluations; nil without any.
  private static func passAtK(_ run: LibraryRun, _ library: RunLibrary) throws -> PassAtK? {
    let folders = try EvaluationResult.folders(under: run.stored.directory.path)
    let questions = try folders.flatMap { folder in
      let name = folder.split(separator: "/").suffix(2).joined(separator: "/")
      let evaluation = try library.run("\(run.key)/\(name)")
      return try QuestionSamples.read(Ledger(queue: evaluation.stored.queue))
    }
    guard !questions.isEmpty else { return nil }
    let statistics = SuiteStatistics(questions, name: "all")
    guard !statistics.passAtK.isEmpty else { return nil }
    return PassAtK(
      key: run.key,
      points: statistics.passAtK.map {
        Point(k: $0.k, mean: $0.value, low: $0.low, high: $0.high)
      })
  }
}

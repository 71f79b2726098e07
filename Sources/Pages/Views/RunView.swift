import Definition
import Estimator
import Foundation
import Inspector
import Judges
import Policy
import Stages

/// The head of a run's pages: what it is, what it is made of, and what it came to.
struct RunView: Encodable {
  /// A line of the table of facts.
  struct Fact: Encodable {
    var group: String
    var label: String
    var text: String
    var source: String
  }

  struct DefinitionText: Encodable {
    var text: String
    var digest: String
  }

  struct RunAlgorithm: Encodable {
    var name: String
    var title: String
    var gate: String
    var gamma: Double?
  }

  struct Choice: Encodable {
    var name: String
    var title: String
    var own: Bool
  }

  struct SuiteRow: Encodable {
    var step: Int
    var label: String
    var mean: Double
    var low: Double
    var high: Double
    var errors: Int?
  }

  struct SuiteTable: Encodable {
    var suite: String
    var group: String
    var k: Int
    var questions: Int
    var rows: [SuiteRow]
    var source: String
  }

  var key: String
  var name: String
  var path: String
  var state: String
  var step: UInt64
  var steps: UInt64
  var live: Bool
  var facts: [Fact]
  var lights: [Light]
  var definition: DefinitionText
  var algorithm: RunAlgorithm
  var algorithms: [Choice]
  var evaluations: [SuiteTable]
  var stages: [StageView]
  var sources: Named<String>

  init(_ run: LibraryRun) throws {
    let settings = try run.settings()
    let status = try run.stored.status()
    let summary = try Summary.read(from: run.stored.directory)
    let metrics = try run.metrics()
    let facts = try RunFacts(of: run.stored.queue)
    key = run.key
    name = status.definition
    path = run.stored.directory.path
    state = status.state.rawValue
    step = status.step
    steps = status.steps
    live = status.state == .running
    self.facts = Self.facts(settings, try run.stored.modelName(), status, summary, facts)
    lights = try Light.all(run, metrics, bound: settings.optimizer.mismatchBound ?? 0)
    definition = DefinitionText(
      text: try FrozenDefinition.read(of: run.stored.directory).yaml(), digest: facts.definition)
    let line = GateLine(settings)
    algorithm = RunAlgorithm(
      name: settings.algorithm.name, title: GroupAlgorithms.title(settings.algorithm.name),
      gate: settings.algorithm.algorithm.gate.kind.rawValue, gamma: line.share)
    algorithms = GroupAlgorithms.choices(of: settings.algorithm.name)
    evaluations = Self.tables(summary)
    stages = status.stages.map { StageView($0, trouble: status.lastError) }
    sources = Named([
      "step": "optimizer · its cursor", "steps": "pipeline.yaml · steps",
      "mean":
        "evaluations/{step}-{suite} · verdicts; mean over questions of the share of right samples",
      "low": "bootstrap over questions, 2.5 % (docs/evaluation.md)",
      "high": "bootstrap over questions, 97.5 % (docs/evaluation.md)",
    ])
  }

  private static func facts(
    _ settings: RunSettings, _ model: String, _ status: RunStatus, _ summary: Summary?,
    _ facts: RunFacts
  ) -> [Fact] {
    var all: [Fact] = []
    func add(_ group: String, _ label: String, _ text: String?, _ source: String) {
      if let text { all.append(Fact(group: group, label: label, text: text, source: source)) }
    }
    add("run", "definition", status.definition, "pipeline.yaml · name")
    add("run", "algorithm", settings.algorithm.name, "pipeline.yaml · algorithm.name")
    add("run", "seed", "\(settings.seed)", "pipeline.yaml · seed")
    add(
      "run", "steps", "\(status.step) of \(status.steps)",
      "optimizer · its cursor; pipeline.yaml · steps")
    add(
      "run", "definition sha256", facts.definition,
      "queue · identity; over the keys that make the run")
    if let origin = status.origin {
      add("run", "fork", "of \(origin.source), from step \(origin.step)", "queue · state origin")
    }
    add("model", "model", model, "pipeline.yaml · model")
    add(
      "model", "initial weights sha256", facts.model, "queue · identity; f32 tensors in name order")
    add("model", "tokenizer sha256", facts.tokenizer, "queue · identity; tokenizer.json")
    add(
      "model", "adapter", settings.adapter.map { "rank \($0.rank)" }, "pipeline.yaml · adapter.rank"
    )
    for (index, fingerprint) in facts.data.enumerated() {
      add(
        "data", "dataset \(index)", fingerprint,
        "queue · identity; fingerprint of manifest and rows")
    }
    for file in facts.files {
      add("data", file.file, "\(file.rows) rows", "queue · identity; \(file.key)")
    }
    add("machine", "product kernel", facts.productKernel, "queue · identity")
    for use in status.kernels {
      add(
        "machine", "product kernel", "\(use.kernel) from step \(use.step)", "queue · state kernels")
    }
    guard let summary else { return all }
    add("machine", "wall time", seconds(summary.wallSeconds), "summary.json · wall_seconds")
    add(
      "machine", "peak memory", "\(summary.peakMemoryBytes >> 20) MiB",
      "summary.json · peak_memory_bytes")
    add(
      "result", "weights sha256", summary.weightsSHA256,
      "optimizer · updates/\(max(0, summary.stepsDone - 1)) · weights digest")
    add("result", "tokens sampled", "\(summary.generatedTokens)", "summary.json · generated_tokens")
    add(
      "result", "log-probability mismatch", "\(summary.logprobMismatchMax)",
      "summary.json · logprob_mismatch_max")
    if summary.rawBytes > 0 {
      add(
        "result", "stored",
        "\(summary.storedBytes >> 10) KiB, \(TextChart.decimal(Double(summary.storedBytes) / Double(summary.rawBytes))) of raw",
        "summary.json · stored_bytes / raw_bytes")
    }
    for judge in summary.judges ?? [] {
      add("result", "judge", judge.text, "judgements of the run")
    }
    add("result", "failure", summary.failure, "summary.json · failure")
    return all
  }

  private static func seconds(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    return whole < 60
      ? "\(TextChart.decimal(seconds)) s"
      : whole < 3600
        ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// A table for each suite, with a row for each measurement.
  private static func tables(_ summary: Summary?) -> [SuiteTable] {
    guard let summary else { return [] }
    var measured = summary.evaluation.during.map { (step: $0.key, suites: $0.value) }
    if !summary.evaluation.before.isEmpty { measured.append((0, summary.evaluation.before)) }
    if !summary.evaluation.after.isEmpty {
      measured.removeAll { $0.step == summary.steps }
      measured.append((summary.steps, summary.evaluation.after))
    }
    measured.sort { $0.step < $1.step }
    return Set(measured.flatMap(\.suites.keys)).sorted().compactMap { name in
      let rows = measured.compactMap { entry in entry.suites[name].map { (entry.step, $0) } }
      guard let last = rows.last?.1 else { return nil }
      return SuiteTable(
        suite: name, group: Summary.isOutside(name, last) ? "ood" : "id", k: last.k,
        questions: last.questions,
        rows: rows.map { step, suite in
          SuiteRow(
            step: step, label: step == 0 ? "before" : "after \(step) steps", mean: suite.mean,
            low: suite.low, high: suite.high, errors: suite.errors)
        }, source: "evaluations/{step}-\(name) · verdicts; summary.json · evaluation")
    }
  }
}

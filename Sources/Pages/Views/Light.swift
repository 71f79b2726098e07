import Inspector
import Queue
import Stages

/// A health light: a fact about a run that says whether its numbers can be trusted.
struct Light: Encodable {
  enum State: String, Encodable { case good, warning, bad, unknown }

  var name: String
  var state: State
  var text: String
  /// Where it comes from.
  var source: String
}

extension Light {
  /// The lights of a run, always in the same order.
  static func all(_ run: LibraryRun, _ metrics: MetricsTable, bound: Double) throws -> [Light] {
    let quarantined = try run.stored.queue.read { try $0.quarantine().count }
    return [
      mismatch(metrics, bound), verifier(metrics), finite(metrics), queue(run),
      store(quarantined, metrics),
    ]
  }

  private static func mismatch(_ metrics: MetricsTable, _ bound: Double) -> Light {
    let source = "optimizer · updates/* · mismatch/max, the largest of all steps"
    let name = "mismatch"
    guard let largest = metrics.series("mismatch/max").filter({ !$0.isNaN }).max() else {
      return Light(name: name, state: .unknown, text: "not measured yet", source: source)
    }
    let state: State = largest == 0 ? .good : largest <= bound ? .warning : .bad
    return Light(
      name: name, state: state,
      text: largest == 0
        ? "0: sampler and trainer agree bit by bit"
        : "\(TextChart.decimal(largest)) nats at most, the bound is \(TextChart.decimal(bound))",
      source: source)
  }

  private static func verifier(_ metrics: MetricsTable) -> Light {
    let errors = Int(metrics.series("verifier/errors").filter { $0 > 0 }.reduce(0, +))
    return Light(
      name: "verifier", state: metrics.steps.isEmpty ? .unknown : errors == 0 ? .good : .warning,
      text: metrics.steps.isEmpty
        ? "nothing judged yet" : errors == 0 ? "no errors" : "\(errors) rollouts without a verdict",
      source: "loss assembler · batches/* · verifier/errors, summed over the steps")
  }

  private static func finite(_ metrics: MetricsTable) -> Light {
    let names = metrics.nonFinite.keys.sorted()
    return Light(
      name: "finite", state: metrics.steps.isEmpty ? .unknown : names.isEmpty ? .good : .bad,
      text: metrics.steps.isEmpty
        ? "no step yet"
        : names.isEmpty
          ? "every metric is a number" : "NaN or infinite: \(names.joined(separator: ", "))",
      source: "metrics.jsonl · every value of every line")
  }

  /// Commits that a reader may lie behind before it is worth a word: until then no page waits for it.
  private static let patience: UInt64 = 100

  private static func queue(_ run: LibraryRun) -> Light {
    let last = run.stored.queue.lastCommit
    let lags = run.stored.queue.readers().compactMap(\.transaction).map { last - min(last, $0) }
    let lag = lags.max() ?? 0
    return Light(
      name: "queue", state: lag > patience ? .warning : .good,
      text: lag > patience
        ? "a reader is \(lag) commits behind and lets the file grow" : "no reader lags",
      source: "queue · its table of readers, against commit \(last)")
  }

  private static func store(_ quarantined: Int, _ metrics: MetricsTable) -> Light {
    let lines = metrics.unreadable
    let state: State = quarantined > 0 ? .bad : lines > 0 ? .warning : .good
    let text =
      quarantined > 0
      ? "\(quarantined) records set aside"
      : lines > 0 ? "\(lines) lines of metrics.jsonl cannot be read" : "nothing set aside"
    return Light(
      name: "store", state: state, text: text,
      source: "queue · table quarantine; every record has a checksum of its own")
  }
}

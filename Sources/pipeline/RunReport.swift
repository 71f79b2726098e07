import ArgumentParser
import Foundation
import Inspector
import Judges
import Records
import Stages

/// What a run prints when it ends: a table before and after, the curves, and where everything is.
enum RunReport {
  static func finish(_ ended: RunLaunch.Ended, in place: RunDirectory, json: Bool) throws {
    switch ended {
    case .interrupted(let status):
      Output.note("saved; continue with `pipeline resume \(place.path)`")
      throw ExitCode(status.rawValue)
    case .done(let summary):
      if json {
        try Output.standard.json(summary)
      } else {
        Output.standard.print(text(summary, place))
      }
    }
  }

  static func text(_ summary: Summary, _ place: RunDirectory) -> String {
    var lines: [String] = []
    if !summary.evaluation.after.isEmpty { lines += evaluation(summary) + [""] }
    if !summary.evaluation.during.isEmpty { lines += during(summary) + [""] }
    if !summary.rolloutAccuracy.isEmpty { lines += curves(summary) + [""] }
    lines += facts(summary, place)
    return lines.joined(separator: "\n")
  }

  private static func evaluation(_ summary: Summary) -> [String] {
    let before = summary.evaluation.before
    let after = summary.evaluation.after
    let k = after.values.map(\.k).max() ?? 0
    func row(_ name: String, _ was: Summary.Suite?, _ now: Summary.Suite) -> [String] {
      // A suite is named after the source that a dataset's rows name.
      let name = TerminalText.escaped(name)
      let interval = "[\(percent(now.low)), \(percent(now.high))]"
      guard let was else { return [name, "-", percent(now.mean), "-", interval] }
      return [
        name, percent(was.mean), percent(now.mean), signed(now.mean - was.mean), interval,
      ]
    }
    let names = after.keys.sorted()
    let outside = names.filter { name in after[name].map { Summary.isOutside(name, $0) } ?? false }
    let inside = names.filter { !outside.contains($0) }
    var table = TextTable([
      .init("suite, avg@\(k) in %"), .init("before", .right), .init("after", .right),
      .init("change", .right), .init("95 % interval", .right),
    ])
    for name in inside { if let now = after[name] { table.add(row(name, before[name], now)) } }
    if let mean = mean(inside, after) {
      let was = Self.mean(inside, before)
      table.add([
        "mean", was.map(percent) ?? "-", percent(mean), was.map { signed(mean - $0) } ?? "-", "",
      ])
    }
    for name in outside { if let now = after[name] { table.add(row(name, before[name], now)) } }
    let errors = after.values.reduce(0) { $0 + ($1.errors ?? 0) }
    guard errors > 0 else { return table.lines() }
    return table.lines() + ["after\(ProgressDisplay.unjudged(errors)), which are in no mean"]
  }

  /// A line for every evaluation on the way, the first and the last included, with a column for every
  /// suite.
  private static func during(_ summary: Summary) -> [String] {
    var rows = summary.evaluation.during
    if !summary.evaluation.before.isEmpty { rows[0] = summary.evaluation.before }
    if !summary.evaluation.after.isEmpty { rows[summary.steps] = summary.evaluation.after }
    let names = Set(rows.values.flatMap(\.keys)).sorted()
    var table = TextTable(
      [.init("avg@k in % after steps", .right)]
        + names.map { .init(TerminalText.escaped($0), .right) })
    for (step, suites) in rows.sorted(by: { $0.key < $1.key }) {
      table.add(["\(step)"] + names.map { suites[$0].map { percent($0.mean) } ?? "-" })
    }
    return table.lines()
  }

  private static func mean(_ names: [String], _ suites: [String: Summary.Suite]) -> Double? {
    let means = names.compactMap { suites[$0]?.mean }
    return means.isEmpty ? nil : means.reduce(0, +) / Double(means.count)
  }

  private static func curves(_ summary: Summary) -> [String] {
    func series(_ values: [String: Double]) -> [Double] {
      values.compactMap { key, value in Int(key).map { ($0, value) } }
        .sorted { $0.0 < $1.0 }.map(\.1)
    }
    return ["over training"]
      + TextChart.plot(
        [
          .init("rollout accuracy", series(summary.rolloutAccuracy)),
          .init("SFT share", series(summary.gate.mapValues(\.sft))),
        ], range: 0...1, format: TextChart.percent)
  }

  private static func facts(_ summary: Summary, _ place: RunDirectory) -> [String] {
    let share = summary.rawBytes == 0 ? 0 : Double(summary.storedBytes) / Double(summary.rawBytes)
    let judges = (summary.judges ?? []).map { TerminalText.escaped("judge \($0.text)") }
    return [
      "\(summary.stepsDone) steps in \(ProgressDisplay.duration(summary.wallSeconds)), "
        + "peak memory \(summary.peakMemoryBytes >> 20) MiB, product kernel \(summary.productKernel), "
        + "log-probability mismatch \(summary.logprobMismatchMax)",
      "\(summary.generatedTokens) tokens sampled, stored at "
        + "\(ProgressDisplay.fixed(share, 2)) of their raw bytes",
      "\(summary.errors["verifier"] ?? 0) verifier errors, which count neither as right nor as wrong",
    ] + judges + [
      "weights sha256 \(summary.weightsSHA256)",
      "run          \(place.path)",
      "checkpoint   \(place.checkpoint(UInt64(summary.stepsDone)))",
      "trajectories \(place.queue)   (pipeline inspect list \(place.path))",
      "summary      \(place.summary)",
      "metrics      \(place.metrics)",
    ]
  }

  private static func percent(_ share: Double) -> String { ProgressDisplay.fixed(100 * share, 1) }

  private static func signed(_ share: Double) -> String {
    (share < 0 ? "" : "+") + percent(share)
  }
}

import Evaluation
import Foundation
import Inspector
import Stages

/// What a run shows on stderr while it works: one line that is redrawn on a terminal, plain lines
/// every few seconds elsewhere.
final class ProgressDisplay {
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let clock = ContinuousClock()
  private var drawn: ContinuousClock.Instant?
  private var stage: StageName?
  private var line = ""
  /// Moving average of the seconds of a step.
  private var pace: Double?
  /// The suite at work, and how many questions were done when this process began with it.
  private var evaluation: (suite: String, done: Int, began: ContinuousClock.Instant)?

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  func note(_ text: String) { put(text) }

  func heading(_ text: String) {
    pace = nil
    line = ""
    put("== \(text)")
  }

  func replaying(_ step: UInt64) {
    if isTerminal {
      redraw("working off step \(step) again")
    } else {
      everyFewSeconds("replayed step \(step)")
    }
  }

  func at(_ stage: StageName) {
    guard isTerminal, self.stage != stage else { return }
    self.stage = stage
    redraw(line)
  }

  func suite(_ name: String, _ result: Summary.Suite) {
    put(
      "  \(name.padding(toLength: 18, withPad: " ", startingAt: 0))"
        + "avg@\(result.k) \(Self.percent(result.mean))  (\(result.questions) questions"
        + Self.unjudged(result.errors) + ")")
  }

  /// How far a suite has come.
  func evaluating(_ progress: ModelEvaluation.Progress) {
    if evaluation?.suite != progress.suite || progress.done < evaluation?.done ?? 0 {
      evaluation = (progress.suite, progress.done, clock.now)
    }
    guard let evaluation, !progress.isFinished else { return }
    let seconds = evaluation.began.duration(to: clock.now) / .seconds(1)
    var parts = ["\(progress.suite) \(progress.done)/\(progress.questions) questions"]
    let done = progress.done - evaluation.done
    if done > 0 {
      parts.append("\(Int(Double(progress.tokens) / max(seconds, 1e-9))) tok/s")
      let left = Double(progress.questions - progress.done) / Double(done) * seconds
      parts.append("ETA \(Self.duration(left))")
    }
    let line = parts.joined(separator: "  ")
    if isTerminal { redraw(line) } else { everyFewSeconds(line) }
  }

  func step(_ report: StepReport) {
    let metrics = report.metrics
    let pace = self.pace.map { 0.9 * $0 + 0.1 * report.seconds } ?? report.seconds
    self.pace = pace
    var parts = ["step \(report.step + 1)/\(report.steps)"]
    if let reward = metrics["reward/mean"] { parts.append("reward \(Self.fixed(reward, 3))") }
    if let accuracy = metrics["rollout/accuracy"] {
      parts.append("solved \(Self.percent(accuracy))")
    }
    if let errors = metrics["verifier/errors"], errors > 0 {
      parts.append("verifier errors \(Int(errors))")
    }
    parts.append("sft \(Self.percent(metrics["gate/sft"] ?? 0))")
    parts.append("loss \(Self.fixed(metrics["loss"] ?? 0, 4))")
    let tokens =
      (metrics["tokens/sampled"] ?? 0) + (metrics["tokens/rollout"] ?? 0)
      + (metrics["tokens/demonstration"] ?? 0)
    parts.append("\(Int(tokens / max(report.seconds, 1e-9))) tok/s")
    parts.append("ETA \(Self.duration(pace * Double(report.steps - report.step - 1)))")
    line = parts.joined(separator: "  ")
    if isTerminal {
      redraw(line)
    } else if report.step + 1 == report.steps {
      put(line)
    } else {
      everyFewSeconds(line)
    }
  }

  private func everyFewSeconds(_ text: String) {
    if let drawn, drawn.duration(to: clock.now) < .seconds(5) { return }
    drawn = clock.now
    put(text)
  }

  private func redraw(_ text: String) {
    guard !isQuiet else { return }
    let text = TerminalText.escaped(text)
    let name = (stage?.rawValue ?? "").padding(toLength: 10, withPad: " ", startingAt: 0)
    write("\r\u{1B}[K\(String("\(name)\(text)".prefix(118)))")
  }

  private func put(_ text: String) {
    guard !isQuiet else { return }
    // Names of suites, paths and reasons come from outside.
    let text = TerminalText.escaped(text)
    write(isTerminal ? "\r\u{1B}[K\(text)\n" : "\(text)\n")
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  /// `, 3 samples without a verdict`, or nothing.
  static func unjudged(_ errors: Int?) -> String {
    guard let errors, errors > 0 else { return "" }
    return ", \(errors) \(errors == 1 ? "sample" : "samples") without a verdict"
  }

  static func percent(_ share: Double) -> String { "\(Self.fixed(100 * share, 1)) %" }

  static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "-" }
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return "\(whole / 3600)h\(whole % 3600 / 60)m" }
    return whole >= 60 ? "\(whole / 60)m\(whole % 60)s" : "\(whole)s"
  }
}

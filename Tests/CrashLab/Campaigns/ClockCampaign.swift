import Foundation
import Randomness

/// The real-time clock steps by a year, back and forth, during the run and between it and its
/// resumption: the same result, and no duration below zero.
public struct ClockCampaign: Campaign {
  public let name = "clock"

  public init() {}

  private static let year = 365 * 24 * 3600

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    Form.allCases.flatMap { form in
      (0..<(count ?? 4)).map { number in
        Trial(id: "\(name)/\(subject.name)/\(form.rawValue)/\(number)", subject: subject) {
          try Self.run($0, form, sign: number % 2 == 0 ? 1 : -1)
        }
      }
    }
  }

  private static func run(_ trial: TrialRun, _ form: Form, sign: Int) throws {
    let run = try trial.makeRun()
    func clock(_ seconds: Int, _ later: Int) throws -> [String: String] {
      let from = 1 + Int(trial.random.integer(below: 40, 0))
      return try Shim(root: run.folder)
        .steppingClock([(seconds, 1), (later, from), (seconds, 2 * from)]).environment
    }
    let first = try trial.start(form, run) { _ in try clock(0, sign * year) }
    first.wait(seconds: (0.3 + 0.6 * trial.random.uniform(1)) * trial.reference.seconds(form))
    for process in first { process.send(SIGKILL) }
    for process in first { try process.wait() }
    let what = "the clock \(sign) year at \(run.steps) steps"
    let second = try trial.start(form, run) { _ in try clock(-sign * year, sign * year) }
    let names = form == .whole ? ["whole"] : Form.stageNames
    try trial.expectEnd(second, names: names, what)
    try trial.expectIdentical(form, run, kills: 1, what)
    for (name, value) in try durations(run) where value < 0 || value > 3600 {
      trial.note("\(what): \(name) is \(value) s")
    }
  }

  /// All times and rates of a run's files.
  private static func durations(_ run: RunFolder) throws -> [(String, Double)] {
    let lines = try String(contentsOfFile: run.path + "/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").map { try RunFolder.object(Data($0.utf8)) }
    return try (lines + [run.summary()]).flatMap { fields in
      fields.compactMap { name, value in
        let isDuration = name.hasPrefix("seconds/") || name.hasSuffix("seconds")
        return isDuration ? (value as? Double).map { (name, $0) } : nil
      }
    }
  }
}

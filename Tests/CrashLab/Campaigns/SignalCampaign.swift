import Foundation
import Randomness

/// SIGTERM and SIGINT at random times: the command ends with the documented status, within 10 s and
/// one step, and goes on to the same bits.
public struct SignalCampaign: Campaign {
  public let name = "signal"

  public init() {}

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    Form.allCases.flatMap { form in
      (0..<(count ?? 10)).map { number in
        let isTerm = number % 2 == 0
        let id =
          "\(name)/\(subject.name)/\(form.rawValue)/\(isTerm ? "TERM" : "INT")/\(number)"
        return Trial(id: id, subject: subject) { trial in
          try Self.run(trial, form, signal: isTerm ? SIGTERM : SIGINT)
        }
      }
    }
  }

  private static func run(_ trial: TrialRun, _ form: Form, signal: Int32) throws {
    let run = try trial.makeRun()
    let processes = try trial.start(form, run)
    let seconds = trial.random.uniform(0) * trial.reference.seconds(form)
    processes.wait(seconds: seconds)
    let what = "signal \(signal) after \(seconds) s"
    let before = run.steps
    let asked = ContinuousClock.now
    let running = processes.filter(\.isRunning)
    for process in running { process.send(signal) }
    trial.isDisturbed = !running.isEmpty
    var statuses: [Int32] = []
    for process in running {
      let ended = try process.wait()
      statuses.append(ended.status)
      // Before the command has taken its signals over, the system ends it, which a shell shows alike.
      trial.expect(
        [128 + signal, -signal, 0].contains(ended.status),
        "\(what): ends with \(ended.status): \(ended.errors)")
    }
    let took = ContinuousClock.now - asked
    trial.expect(took < .seconds(10), "\(what): took \(took)")
    let after = try trial.expectReadable(run, what)
    trial.expect(
      after <= before + 1,
      "\(what): went from \(before) to \(after) steps, ending with \(statuses)")
    try trial.expectIdentical(form, run, kills: 1, what)
  }
}

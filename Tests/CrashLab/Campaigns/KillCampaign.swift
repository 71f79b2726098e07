import Foundation
import Randomness

/// Kill -9 of the whole run at random times, creation included, and of half of the resumed runs once
/// more.
public struct KillCampaign: Campaign {
  public let name = "kill"

  public init() {}

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    Form.allCases.flatMap { form in
      (0..<(count ?? 45)).map { number in
        Trial(id: "\(name)/\(subject.name)/\(form.rawValue)/\(number)", subject: subject) { trial in
          try Self.run(trial, form, isTwice: number % 2 == 1)
        }
      }
    }
  }

  private static func run(_ trial: TrialRun, _ form: Form, isTwice: Bool) throws {
    let run = try trial.makeRun()
    let seconds = trial.reference.seconds(form)
    var delays = [trial.random.uniform(0) * seconds]
    if isTwice { delays.append(trial.random.uniform(1) * seconds / 2) }
    var kills = 0
    var committed = 0
    for delay in delays {
      let what = "killed after \(delay) s"
      if try kill(try trial.start(form, run), after: delay) { kills += 1 }
      let step = try trial.expectReadable(run, what)
      trial.expect(step >= committed, "\(what): \(step) steps are committed, \(committed) were")
      committed = step
    }
    trial.isDisturbed = kills > 0
    try trial.expectIdentical(form, run, kills: kills, "killed after \(delays) s")
  }

  /// Kills all processes at once, unless they end before; whether one was killed.
  private static func kill(_ processes: [RunningCommand], after seconds: Double) throws -> Bool {
    processes.wait(seconds: seconds)
    for process in processes { process.send(SIGKILL) }
    return try processes.map { try $0.wait().status == -SIGKILL }.contains(true)
  }
}

/// Kill -9 of one stage of six at a random time, which is started again; in half of the trials
/// another stage after it.
public struct KillStageCampaign: Campaign {
  public let name = "kill-stage"

  public init() {}

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    (0..<(count ?? 45)).map { number in
      let stage = Form.stageNames[number % Form.stageNames.count]
      let id = "\(name)/\(subject.name)/\(stage)/\(number)"
      return Trial(id: id, subject: subject) { trial in
        let second = Int(trial.random.integer(below: UInt64(Form.stageNames.count), 2))
        let isTwice = (number / Form.stageNames.count) % 2 == 1
        try Self.run(trial, stages: isTwice ? [stage, Form.stageNames[second]] : [stage])
      }
    }
  }

  private static func run(_ trial: TrialRun, stages: [String]) throws {
    let run = try trial.makeRun()
    var processes = try trial.start(.stages, run)
    var kills = 0
    for (number, stage) in stages.enumerated() {
      let seconds = trial.random.uniform(UInt64(number)) * trial.reference.seconds(.stages)
      processes.wait(seconds: seconds)
      let place = Form.index(of: stage)
      processes[place].send(SIGKILL)
      let ended = try processes[place].wait()
      let what = "\(stage) killed after \(seconds) s"
      trial.expect(
        ended.status == -SIGKILL || ended.status == 0,
        "\(what): it ended before with \(ended.status): \(ended.errors)")
      guard ended.status == -SIGKILL else { continue }
      kills += 1
      _ = try trial.expectReadable(run, what)
      processes[place] = try RunningCommand(run.command(stage: stage), logs: trial.folder)
    }
    trial.isDisturbed = kills > 0
    try trial.expectEnd(processes, names: Form.stageNames, "\(stages) killed")
    // What has been lost is made again by the processes themselves: there is nothing to resume.
    try trial.expectIdentical(.stages, run, kills: kills, "\(stages) killed")
  }
}

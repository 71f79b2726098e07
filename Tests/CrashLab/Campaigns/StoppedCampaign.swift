import Foundation
import Randomness

/// SIGSTOP of a stage. A second copy is refused while the first holds its lock. With the lock file
/// taken away, as by somebody who believes the first one dead, the second copy works; the first one,
/// woken, may write no more.
public struct StoppedCampaign: Campaign {
  public let name = "stopped"

  public init() {}

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    (0..<(count ?? 12)).map { number in
      let stage = Form.stageNames[number % Form.stageNames.count]
      return Trial(id: "\(name)/\(subject.name)/\(stage)/\(number)", subject: subject) {
        try Self.run($0, stage)
      }
    }
  }

  private static func run(_ trial: TrialRun, _ stage: String) throws {
    let run = try trial.makeRun()
    var processes = try trial.start(.stages, run)
    let place = Form.index(of: stage)
    let lock = "\(run.path)/locks/\(stage)-1.lock"
    _ = processes[place].waits {
      FileManager.default.contents(atPath: lock).map { !$0.isEmpty } ?? false
    }
    let seconds = trial.random.uniform(0) * trial.reference.seconds(.stages) * 0.8
    let first = processes[place]
    processes.wait(seconds: seconds)
    first.send(SIGSTOP)
    let what = "\(stage) stopped after \(seconds) s"
    // With nothing left to do it lets its lock go before it ends: then there is nothing to take over.
    guard first.isRunning, try RunFolder.isLocked(lock) else {
      trial.isDisturbed = false
      first.send(SIGCONT)
      try trial.expectEnd(processes, names: Form.stageNames, what)
      return try trial.expectIdentical(.stages, run, kills: 0, what)
    }
    let refused = try RunningCommand(run.command(stage: stage), logs: trial.folder).wait()
    trial.expect(
      refused.status == 75 && refused.errors.contains("locked by pid \(first.pid)"),
      "\(what): a second copy ends with \(refused.status): \(refused.errors)")
    try FileManager.default.removeItem(atPath: lock)
    processes[place] = try RunningCommand(run.command(stage: stage), logs: trial.folder)
    // A process that was stopped inside a transaction holds the queue's lock: others wait for it.
    processes.wait(seconds: 0.3)
    first.send(SIGCONT)
    let ended = try first.wait()
    trial.expect(
      ended.status == 75 && ended.errors.contains("superseded") || ended.status == 0,
      "\(what): woken, it ends with \(ended.status): \(ended.errors)")
    try trial.expectEnd(processes, names: Form.stageNames, what)
    try trial.expectIdentical(.stages, run, kills: 1, what)
  }
}

import Foundation
import Glibc
import Randomness

/// Stages as off-line units: each started for a turn of its own, in any order, some as several workers,
/// some ahead, some killed; and between turns the run is packed, and goes on elsewhere.
public struct OfflineCampaign: Campaign {
  public let name = "offline"

  public init() {}

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    (0..<(count ?? 5)).map { number in
      Trial(id: "\(name)/\(subject.name)/\(number)", subject: subject) { trial in
        var schedule = try Schedule(trial)
        try schedule.work()
      }
    }
  }

  /// What is started when, drawn from the trial's random numbers.
  private struct Schedule {
    /// Turns after which a trial has failed: each step takes about ten.
    private static let turns = 1500

    let trial: TrialRun
    let run: RunFolder
    private var kills = 0
    private var draws: UInt32 = 0

    init(_ trial: TrialRun) throws {
      self.trial = trial
      run = try trial.makeRun()
    }

    private mutating func chance(_ share: Double) -> Bool {
      draws += 1
      return trial.random.uniform(1, draws) < share
    }

    private mutating func number(below bound: Int) -> Int {
      draws += 1
      return Int(trial.random.integer(below: UInt64(bound), 2, draws))
    }

    mutating func work() throws {
      var next = 0
      for _ in 0..<Self.turns where run.steps < trial.subject.steps {
        // Mostly in the order of the pipeline, or it would take for ever.
        if chance(0.2) { next = number(below: Form.stageNames.count) }
        let stage = Form.stageNames[next % Form.stageNames.count]
        next += 1
        try turn(of: stage)
        if run.exists, chance(0.04) { try move() }
      }
      trial.expect(
        run.steps == trial.subject.steps, "\(run.steps) steps after \(Self.turns) turns")
      // What no stage does: the evaluations and the summary.
      try trial.expectIdentical(.whole, run, kills: kills, "stage by stage")
    }

    private mutating func turn(of stage: String) throws {
      for words in try arguments(of: stage) {
        let command = try RunningCommand(
          ["run", "stage", stage, run.definition, "--run", run.path, "-q"] + words,
          logs: trial.folder)
        if chance(0.05) {
          [command].wait(seconds: 0.1 * trial.random.uniform(3, draws))
          command.send(SIGKILL)
          if try command.wait().status == -SIGKILL { kills += 1 }
          continue
        }
        let ended = try command.wait()
        trial.expect(
          ended.status == 0, "\(stage) \(words) ends with \(ended.status): \(ended.errors)")
      }
    }

    /// One command, or one for each of several workers.
    private mutating func arguments(of stage: String) throws -> [[String]] {
      switch stage {
      case "reader" where trial.subject != .dapo && chance(0.3):
        return [["--ahead", "\(1 + number(below: 4))"]]
      case "rollout" where chance(0.3), "verifier" where chance(0.3):
        let workers = 2 + number(below: 3)
        let first = number(below: workers)
        return (0..<workers).map { ["--workers", "\((first + $0) % workers + 1)/\(workers)"] }
      default: return chance(0.3) ? [["--limit", "\(1 + number(below: 9))"]] : [[]]
      }
    }

    /// To another machine, as far as the run can tell: packed, unpacked elsewhere, the old one gone.
    private func move() throws {
      let packed = run.folder + "/packed"
      let ended = try PipelineCommand.run(["queue", "backup", run.path, "--to", packed])
      trial.expect(ended.status == 0, "queue backup ends with \(ended.status): \(ended.errors)")
      guard ended.status == 0 else { return }
      try FileManager.default.removeItem(atPath: run.path)
      try FileManager.default.moveItem(atPath: packed, toPath: run.path)
    }
  }
}

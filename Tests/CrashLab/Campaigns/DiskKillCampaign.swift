import Randomness

/// SIGKILL at a disk call: before it, or in the middle of a write; every third trial of the sampled
/// calls is killed once more while it recovers.
public struct DiskKillCampaign: Campaign {
  public let name = "disk-kill"
  public let subjects = Subject.all

  public init() {}

  public func trials(
    _ subject: Subject, count: Int?, in laboratory: Laboratory
  ) throws -> [Trial] {
    let points = try DiskPoint.all(subject, count: count ?? 200, in: laboratory)
    let calls = try laboratory.diskCalls(subject, .whole)["whole"] ?? []
    return points.enumerated().flatMap { number, point in
      let isTwice = subject == .brief || (point.isSampled && number % 3 == 0)
      var faults = [DiskFault.killBefore]
      // A torn write is a state of its own; the rest of a call is the state before the next one.
      if case .call(let call) = point.place, subject == .brief,
        calls[call - 1].name.contains("write")
      {
        faults.append(.killWithin)
      }
      return faults.map { fault in
        let id = "\(name)/\(subject.name)/\(point.name)/\(fault.action)"
        return Trial(id: id, subject: subject) { trial in
          try Self.run(trial, fault, point, isTwice: isTwice, calls: calls.count)
        }
      }
    }
  }

  private static func run(
    _ trial: TrialRun, _ fault: DiskFault, _ point: DiskPoint, isTwice: Bool, calls: Int
  ) throws {
    let run = try trial.makeRun()
    var (processes, ended, call) = try trial.strike(fault, point, run)
    trial.isDisturbed = call != nil
    var kills = 1
    let what = "killed at \(call.map { "\($0.number) \($0.name) \($0.path)" } ?? "no call")"
    trial.expect(
      ended.status == (call == nil ? 0 : -9), "\(what): ends with \(ended.status): \(ended.errors)")
    let committed = try trial.expectReadable(run, what)
    if isTwice, point.form == .whole {
      // Recovery has fewer calls than the run, so one in three strikes.
      let second = DiskPoint(
        process: "whole",
        place: .call(1 + Int(trial.random.integer(below: UInt64(max(1, calls / 2)), 0))),
        isSampled: true)
      kills += 1
      (processes, ended, call) = try trial.strike(.killBefore, second, run)
      trial.expect(
        ended.status == (call == nil ? 0 : -9),
        "\(what) and again: ends with \(ended.status): \(ended.errors)")
      let step = try trial.expectReadable(run, what)
      trial.expect(step >= committed, "\(what): \(step) steps are committed, \(committed) were")
    }
    try trial.goOn(processes, point, run, disturbances: kills, what)
  }
}

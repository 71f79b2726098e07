import Foundation
import Randomness

/// Two copies at once, of the run or of a stage, from a random time on: one works, the other says
/// why it does not, and the result is that of one.
public struct TwiceCampaign: Campaign {
  public let name = "twice"

  public init() {}

  public func trials(_ subject: Subject, count: Int?, in _: Laboratory) throws -> [Trial] {
    Form.allCases.flatMap { form in
      (0..<(count ?? 6)).map { number in
        Trial(id: "\(name)/\(subject.name)/\(form.rawValue)/\(number)", subject: subject) {
          try Self.run($0, form, number)
        }
      }
    }
  }

  private static func run(_ trial: TrialRun, _ form: Form, _ number: Int) throws {
    let run = try trial.makeRun()
    let first = try trial.start(form, run)
    // Every third pair starts together, and both create the run.
    let seconds =
      number % 3 == 0 ? 0 : trial.random.uniform(0) * trial.reference.seconds(form)
    first.wait(seconds: seconds)
    let what = "a second copy after \(seconds) s"
    let names = form == .whole ? ["whole"] : [Form.stageNames[number % Form.stageNames.count]]
    let second =
      form == .whole
      ? try trial.start(.whole, run)
      : [try RunningCommand(run.command(stage: names[0]), logs: trial.folder)]
    var works = 0
    for process in first + second {
      let ended = try process.wait()
      switch ended.status {
      case 0: works += 1
      // Somebody else has it, or had made it before.
      case 75: trial.expect(ended.errors.contains("locked by"), "\(what): \(ended.errors)")
      case 2:
        trial.expect(ended.errors.contains("pipeline resume"), "\(what): \(ended.errors)")
      default: trial.note("\(what): ends with \(ended.status): \(ended.errors)")
      }
    }
    trial.expect(works >= first.count, "\(what): only \(works) processes came to their end")
    try trial.expectIdentical(form, run, kills: 0, what)
  }
}

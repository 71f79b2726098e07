import Foundation

/// A disk call fails, once or from then on, with an I/O error or for want of room: the command says
/// so, with the file, and ends with status 1; then it goes on as if nothing had been.
public struct DiskErrorCampaign: Campaign {
  public let name = "disk-error"
  public let subjects = Subject.all

  public init() {}

  public func trials(
    _ subject: Subject, count: Int?, in laboratory: Laboratory
  ) throws -> [Trial] {
    let points = try DiskPoint.all(subject, count: count ?? 200, in: laboratory)
    return points.enumerated().flatMap { number, point in
      let isLasting = number % 2 == 1
      let faults: [DiskFault] = [
        .inputOutput(isLasting: isLasting), .noSpace(isLasting: !isLasting),
      ]
      return faults.map { fault in
        let suffix = fault.isLasting ? "-lasting" : ""
        let id = "\(name)/\(subject.name)/\(point.name)/\(fault.action)\(suffix)"
        return Trial(id: id, subject: subject) { try Self.run($0, fault, point) }
      }
    }
  }

  private static func run(_ trial: TrialRun, _ fault: DiskFault, _ point: DiskPoint) throws {
    let run = try trial.makeRun()
    let (processes, ended, call) = try trial.strike(fault, point, run)
    trial.isDisturbed = call != nil
    var what = "no call failed"
    if let call {
      what = "\(fault) at call \(call.number), \(call.name) \(call.path)"
      expectSaid(trial, ended, fault, isShared: point.form == .stages, call, what)
    } else {
      trial.expect(ended.status == 0, "\(what): ends with \(ended.status): \(ended.errors)")
    }
    _ = try trial.expectReadable(run, what)
    try trial.goOn(processes, point, run, disturbances: 1, what)
  }

  /// Status 1, and a last line with the cause and the place.
  ///
  /// - Parameter isShared: several processes create the run at once: one that fails takes the run of
  ///   another.
  static func expectSaid(
    _ trial: TrialRun, _ ended: Ended, _ fault: DiskFault, isShared: Bool, _ call: StruckCall,
    _ what: String
  ) {
    let isTaken = isShared && ended.status == 0 && call.path.contains(".creating-")
    // A file that could not be removed does no harm where it is.
    let isHarmless = ended.status == 0 && call.name == "unlink"
    guard !isHarmless, !isTaken else { return }
    guard ended.status == 1 else {
      trial.note("\(what): ends with \(ended.status): \(ended.errors)")
      return
    }
    let line = ended.lines.last.map(String.init) ?? ""
    trial.expect(line.hasPrefix("pipeline: "), "\(what): the last line is none of the command's")
    // A write cut short tells LMDB no more than that it was; room on the disk is then looked at.
    var causes = ["Input/output error"]
    if case .noSpace = fault { causes = ["No space left", "disk full", "bytes free"] }
    if case .noSpace(isLasting: false) = fault { causes.append("Input/output error") }
    trial.expect(
      causes.contains { line.localizedCaseInsensitiveContains($0) },
      "\(what): the cause is not named: \(line)")
    trial.expect(line.contains(trial.folder), "\(what): no path is named: \(line)")
  }
}

import Foundation
import Randomness

/// A disk call at which a trial strikes: in which process, and which call.
struct DiskPoint: Sendable, Hashable {
  /// `whole`, or a stage.
  var process: String
  var place: DiskPlace
  /// Whether it was drawn at random, not for being a place of its own.
  var isSampled: Bool

  var form: Form { process == "whole" ? .whole : .stages }

  /// Part of a trial's id.
  var name: String {
    switch place {
    case .call(let number): "\(process)/call-\(number)"
    case .site(let site, let number): "\(process)/site-\(site)-\(number)"
    }
  }

  /// The points of a subject.
  ///
  /// Every call of `brief` in one process. Elsewhere every place in the program that makes disk
  /// calls, at its first call, and `count` calls at random, half of them in one process and half as
  /// six, counted in their process.
  static func all(
    _ subject: Subject, count: Int, in laboratory: Laboratory
  ) throws -> [DiskPoint] {
    guard subject != .brief else {
      let calls = try laboratory.diskCalls(subject, .whole)["whole"] ?? []
      return (1...calls.count).map {
        DiskPoint(process: "whole", place: .call($0), isSampled: false)
      }
    }
    return try Form.allCases.flatMap { form -> [DiskPoint] in
      let profile = try laboratory.diskCalls(subject, form)
      let names = form == .whole ? ["whole"] : Form.stageNames
      // A place that several processes come by is struck in one of them.
      var known: Set<String> = []
      let sites = names.flatMap { name in
        (profile[name] ?? []).map(\.site).filter { known.insert($0).inserted }
          .map { DiskPoint(process: name, place: .site($0, 1), isSampled: false) }
      }
      return sites + sampled(names, profile, count: count / Form.allCases.count)
    }
  }

  /// Point k does not depend on how many are drawn.
  private static func sampled(
    _ names: [String], _ profile: [String: [DiskCall]], count: Int
  ) -> [DiskPoint] {
    let random = RandomStream(seed: 19, purpose: .shuffle)
    var known: Set<DiskPoint> = []
    return (0..<count).compactMap { number in
      let name = names[number % names.count]
      guard let calls = profile[name], !calls.isEmpty else { return nil }
      let call = random.integer(below: UInt64(calls.count), UInt64(number), UInt32(names.count))
      let point = DiskPoint(process: name, place: .call(Int(call) + 1), isSampled: true)
      return known.insert(point).inserted ? point : nil
    }
  }
}

extension TrialRun {
  /// Starts a form with a fault in one process, and waits for that process' end.
  ///
  /// - Returns: the other processes, how the struck one ended, and what the shim says of the strike;
  ///   nil where the call never came.
  func strike(
    _ fault: DiskFault, _ point: DiskPoint, _ run: RunFolder
  ) throws -> (processes: [RunningCommand], ended: Ended, call: StruckCall?) {
    let file = "\(folder)/struck-\(findings.count)-\(run.exists)"
    let shim = try Shim(root: run.folder).striking(fault, at: point.place, telling: file)
    let processes = try start(point.form, run) { $0 == point.process ? shim.environment : [:] }
    let struck = point.form == .whole ? 0 : Form.index(of: point.process)
    let ended = try processes[struck].wait()
    return (processes, ended, try StruckCall(file))
  }

  /// Waits for the processes, the struck one started again, and goes on to the end.
  func goOn(
    _ processes: [RunningCommand], _ point: DiskPoint, _ run: RunFolder, disturbances: Int,
    _ what: String
  ) throws {
    if point.form == .stages {
      var processes = processes
      let place = Form.index(of: point.process)
      processes[place] = try RunningCommand(run.command(stage: point.process), logs: folder)
      try expectEnd(processes, names: Form.stageNames, what)
    }
    try expectIdentical(point.form, run, kills: disturbances, what)
  }
}

/// The call that the shim struck.
struct StruckCall {
  var number: Int
  var name: String
  /// Relative to the trial's folder.
  var path: String

  /// Nil where nothing was struck.
  init?(_ file: String) throws {
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let text = try String(contentsOfFile: file, encoding: .utf8)
    guard let line = text.split(separator: "\n").first else { return nil }
    let fields = line.split(separator: " ", maxSplits: 4)
    guard fields.count == 5, let number = Int(fields[1]) else {
      throw LabError("\(file) is none of the shim's: \(line)")
    }
    self.number = number
    name = String(fields[2])
    path = String(fields[4])
  }
}

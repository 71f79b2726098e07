import DiskFaults
import Foundation
import Synchronization

/// A run at rest, to be copied and damaged: its folder, and what commands say of it.
struct StoppedRun: Sendable {
  /// How it came to rest.
  enum Kind: String, CaseIterable, Sendable {
    /// Killed in one process after two thirds of its disk calls.
    case killed
    /// Killed as six processes: it holds published policy versions.
    case stages
    /// At its end.
    case finished

    var form: Form { self == .stages ? .stages : .whole }
  }

  let kind: Kind
  /// The folder that holds `run`.
  let folder: String
  /// Files of the run below `folder`, sorted.
  let files: [String]
  /// By command: what it prints of the run, undamaged.
  let answers: [Reading: String]

  /// Commands that only look at a run.
  enum Reading: String, CaseIterable, Sendable {
    case status, list, statistics, digest

    func arguments(_ run: String) -> [String] {
      switch self {
      case .status: ["status", run, "--json"]
      case .list: ["inspect", "list", run, "--json"]
      case .statistics: ["inspect", "stats", run, "--json"]
      case .digest: ["queue", "digest", run, "--json"]
      }
    }

    /// What is said of a run, whatever place it stands in and whenever it is asked: how long ago
    /// something was is left out.
    func answer(_ ended: Ended, _ run: String) -> String {
      let lines = ended.output.split(separator: "\n").filter { !$0.contains("_seconds\" :") }
      return lines.joined(separator: "\n").replacingOccurrences(of: run, with: "RUN")
    }
  }
}

/// Stopped runs that this process knows; made once for a build of the command.
final class StoppedRuns: Sendable {
  private let known = Mutex<[String: StoppedRun]>([:])

  func stopped(
    _ subject: Subject, _ kind: StoppedRun.Kind, in laboratory: Laboratory
  ) throws -> StoppedRun {
    try known.withLock { known in
      let name = "stopped-\(subject.name)-\(kind.rawValue)-\(laboratory.binary.prefix(12))"
      if let run = known[name] { return run }
      let folder = "\(laboratory.work)/known/\(name)"
      if !FileManager.default.fileExists(atPath: folder) {
        let making = "\(folder).\(UUID().uuidString)"
        try Self.make(subject, kind, at: making, laboratory)
        try FileManager.default.moveItem(atPath: making, toPath: folder)
      }
      let stopped = try Self.look(at: folder, kind)
      known[name] = stopped
      return stopped
    }
  }

  private static func make(
    _ subject: Subject, _ kind: StoppedRun.Kind, at folder: String, _ laboratory: Laboratory
  ) throws {
    let run = try RunFolder(subject, at: folder)
    run.isKept = true
    switch kind {
    case .finished: try PipelineCommand.run(run.command())
    case .killed:
      let calls = try laboratory.diskCalls(subject, .whole)["whole"]?.count ?? 0
      let shim = try Shim(root: folder).striking(
        .killBefore, at: .call(calls * 2 / 3), telling: folder + "/struck")
      let ended = try PipelineCommand.run(run.command(), environment: shim.environment)
      guard ended.status == -SIGKILL else { throw LabError("not killed: \(ended.errors)") }
      try FileManager.default.removeItem(atPath: folder + "/struck")
    case .stages:
      let commands = try run.commands(.stages).map { try RunningCommand($0) }
      _ = commands[5].waits { run.steps >= subject.steps * 2 / 3 }
      for command in commands { command.send(SIGKILL) }
      for command in commands { try command.wait() }
    }
    guard run.exists else { throw LabError("\(kind.rawValue): \(folder) holds no run") }
  }

  private static func look(at folder: String, _ kind: StoppedRun.Kind) throws -> StoppedRun {
    let run = folder + "/run"
    var answers: [StoppedRun.Reading: String] = [:]
    for reading in StoppedRun.Reading.allCases {
      let ended = try PipelineCommand.run(reading.arguments(run))
      guard ended.status == 0 else { throw LabError("\(reading.rawValue): \(ended.errors)") }
      answers[reading] = reading.answer(ended, run)
    }
    let files = try FileManager.default.subpathsOfDirectory(atPath: run).filter { path in
      var isFolder: ObjCBool = false
      _ = unsafe FileManager.default.fileExists(atPath: "\(run)/\(path)", isDirectory: &isFolder)
      return !isFolder.boolValue
    }
    return StoppedRun(
      kind: kind, folder: folder, files: files.map { "run/\($0)" }.sorted(), answers: answers)
  }
}

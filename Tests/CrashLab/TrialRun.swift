import Digest
import Foundation
public import Randomness

/// A trial at work: its run, its random numbers, and the checks that all campaigns share.
public final class TrialRun {
  public let laboratory: Laboratory
  public let subject: Subject
  public let reference: Reference
  /// Everything of the trial lies below it.
  public let folder: String
  /// Keyed by the trial's id alone.
  public let random: RandomStream
  public private(set) var findings: [String] = []
  /// Set to false where the run came to its end before what was to disturb it.
  public var isDisturbed = true

  private var runs: [RunFolder] = []

  init(_ trial: Trial, in laboratory: Laboratory) throws {
    self.laboratory = laboratory
    subject = trial.subject
    reference = try laboratory.reference(trial.subject)
    let hash = SHA256.hash(Array(trial.id.utf8))
    random = RandomStream(
      seed: hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, purpose: .shuffle)
    let name = trial.id.map { $0 == "/" ? "-" : $0 }
    folder = "\(laboratory.work)/\(String(name))-\(getpid())"
    if FileManager.default.fileExists(atPath: folder) {
      try FileManager.default.removeItem(atPath: folder)
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit {
    guard !runs.contains(where: \.isKept) else { return }
    runs = []
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      print("TrialRun: \(folder) stays: \(error)")
    }
  }

  func keep() { for run in runs { run.isKept = true } }

  // MARK: Findings

  /// Notes what differs from what must hold.
  public func note(_ text: String) { findings.append(text) }

  public func expect(_ condition: Bool, _ text: @autoclosure () -> String) {
    if !condition { note(text()) }
  }

  // MARK: Runs

  /// A run of the trial's own; several get several folders.
  public func makeRun(_ lines: String = "") throws -> RunFolder {
    let run = try RunFolder(subject, lines, at: "\(folder)/\(runs.count)")
    runs.append(run)
    return run
  }

  /// The processes of a form, started.
  ///
  /// - Parameter environment: by name of the process: `whole` or a stage's.
  public func start(
    _ form: Form, _ run: RunFolder, environment: (String) throws -> [String: String] = { _ in [:] }
  ) throws -> [RunningCommand] {
    let names = form == .whole ? ["whole"] : Form.stageNames
    return try zip(names, run.commands(form)).map { name, command in
      try RunningCommand(command, environment: environment(name), logs: folder)
    }
  }

  // MARK: Checks

  /// A run can be looked at at any time once it exists.
  ///
  /// - Returns: committed steps; 0 where there is no run.
  public func expectReadable(_ run: RunFolder, _ what: String) throws -> Int {
    guard run.exists else { return 0 }
    let digest = try PipelineCommand.run(["queue", "digest", run.path, "--json"])
    expect(digest.status == 0, "\(what): queue digest ends with \(digest.status): \(digest.errors)")
    let status = try PipelineCommand.run(["status", run.path, "--json"])
    guard status.status == 0 else {
      note("\(what): status ends with \(status.status): \(status.errors)")
      return 0
    }
    guard let step = try RunFolder.object(Data(status.output.utf8))["step"] as? Int else {
      note("\(what): status names no step: \(status.output)")
      return 0
    }
    return step
  }

  /// Goes on to the end, where every process must end with 0.
  public func finish(_ form: Form, _ run: RunFolder, _ what: String) throws -> Bool {
    let names = form == .whole ? ["whole"] : Form.stageNames
    return try expectEnd(try start(form, run), names: names, what)
  }

  /// Waits for processes that must end with 0; whether all did.
  @discardableResult
  public func expectEnd(
    _ processes: [RunningCommand], names: [String], _ what: String
  ) throws -> Bool {
    let failed = zip(names, try processes.endTogether()).filter { $0.1.status != 0 }
    for (name, ended) in failed {
      note("\(what): \(name) ends with \(ended.status): \(ended.errors)")
    }
    return failed.isEmpty
  }

  /// Goes on to the end and compares with the undisturbed run.
  ///
  /// - Parameter kills: how many chunks of groups may have been sampled again: one a kill.
  public func expectIdentical(
    _ form: Form, _ run: RunFolder, kills: Int, _ what: String
  ) throws {
    guard try finish(form, run, what) else { return }
    try expectSameResults(form, run, what)
    let attempts = try run.attempts()
    expect(
      attempts.distinct == reference.chunks,
      "\(what): \(attempts.distinct) chunks, not \(reference.chunks)")
    expect(
      attempts.started - attempts.distinct <= kills,
      "\(what): \(attempts.started - attempts.distinct) chunks sampled again, after \(kills) kills")
    let tokens = try run.generatedTokens() - reference.generatedTokens
    expect(tokens >= 0, "\(what): \(-tokens) generated tokens are not counted")
    expect(
      tokens <= kills * subject.tokensPerChunk,
      "\(what): \(tokens) tokens more than undisturbed, after \(kills) kills")
  }

  /// Compares a finished run with the undisturbed one, and looks for rubbish.
  public func expectSameResults(_ form: Form, _ run: RunFolder, _ what: String) throws {
    let differences = try run.results(step: subject.steps)
      .differences(reference.results, withSummary: form == .whole)
    for difference in differences { note("\(what): \(difference)") }
    expect(!run.holdsUnfinishedCheckpoint, "\(what): an unfinished checkpoint stays")
  }
}

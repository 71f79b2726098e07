/// A kind of disturbance: a list of trials, the same at every start, and what each must come to.
public protocol Campaign: Sendable {
  /// As in `crash-lab --campaign NAME`, and the first part of its trials' ids.
  var name: String { get }
  /// The subjects that it disturbs.
  var subjects: [Subject] { get }
  /// The trials of one subject.
  ///
  /// - Parameter count: trials for every form and kind where the campaign draws at random; its own
  ///   number if nil. Trial k does not depend on it.
  func trials(_ subject: Subject, count: Int?, in laboratory: Laboratory) throws -> [Trial]
}

extension Campaign {
  public var subjects: [Subject] { Subject.standard }
}

/// One disturbed run.
public struct Trial: Sendable {
  /// `campaign/subject/…`: says what is done, and stays the same from process to process.
  public let id: String
  public let subject: Subject
  /// Throws, or notes what differs in the object that it is given.
  public let body: @Sendable (TrialRun) throws -> Void

  public init(
    id: String, subject: Subject, body: @escaping @Sendable (TrialRun) throws -> Void
  ) {
    self.id = id
    self.subject = subject
    self.body = body
  }

  /// Runs it in a folder of its own.
  ///
  /// - Parameter keepsFailure: the folder of a trial that differs stays.
  public func run(in laboratory: Laboratory, keepsFailure: Bool = true) throws -> Verdict {
    let clock = ContinuousClock()
    let began = clock.now
    let trial = try TrialRun(self, in: laboratory)
    do { try body(trial) } catch { trial.note("\(error)") }
    if !trial.findings.isEmpty, keepsFailure { trial.keep() }
    return Verdict(
      id: id, binary: laboratory.binary, findings: trial.findings,
      isDisturbed: trial.isDisturbed,
      folder: trial.findings.isEmpty || !keepsFailure ? nil : trial.folder,
      seconds: began.duration(to: clock.now) / .seconds(1))
  }
}

/// What a trial came to; one line of the results file.
public struct Verdict: Codable, Sendable {
  public var id: String
  /// SHA-256 of the command under test.
  public var binary: String
  /// What differs from what must hold; empty where all holds.
  public var findings: [String]
  /// Whether the disturbance came before the run's end.
  public var isDisturbed: Bool
  /// Where the run of a trial that differs stays.
  public var folder: String?
  public var seconds: Double

  public var holds: Bool { findings.isEmpty }
}

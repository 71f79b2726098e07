import Digest
import Foundation
import Synchronization

/// The run that nobody disturbed.
public struct Reference: Codable, Sendable {
  public var results: Results
  public var generatedTokens: Int
  public var chunks: Int
  /// Seconds from start to end in one process, and as six.
  public var seconds: [String: Double]
  public var productKernel: String

  public func seconds(_ form: Form) -> Double { seconds[form.rawValue] ?? 1 }
}

/// What the trials of one build of `pipeline` share: its undisturbed runs and their disk calls, each
/// made when first asked for and kept in a folder for later processes.
public final class Laboratory: Sendable {
  /// Folder of the trials' runs and of what is kept.
  public let work: String
  /// SHA-256 of the command under test, in hexadecimal.
  public let binary: String

  private let references = Mutex<[Subject: Reference]>([:])
  private let profiles = Mutex<[String: [String: [DiskCall]]]>([:])

  /// - Parameter work: the system's temporary folder has one if nil.
  public init(work: String? = nil) throws {
    let place = work ?? NSTemporaryDirectory() + "/temper-crash-lab"
    try FileManager.default.createDirectory(
      atPath: place + "/known", withIntermediateDirectories: true)
    self.work = Repository.canonical(place)
    guard let pipeline = Repository.pipeline else {
      throw LabError("the pipeline command is not built: swift build -c release")
    }
    binary = hexadecimal(SHA256.hash([UInt8](try Data(contentsOf: URL(fileURLWithPath: pipeline)))))
  }

  /// The undisturbed run of a subject.
  public func reference(_ subject: Subject) throws -> Reference {
    try references.withLock { known in
      if let reference = known[subject] { return reference }
      let reference = try kept("reference-\(subject.name)", subject) {
        try Self.undisturbed(subject, at: work + "/undisturbed-\(UUID().uuidString)")
      }
      known[subject] = reference
      return reference
    }
  }

  /// The disk calls of an undisturbed run, by process: `whole`, or the stages' names.
  ///
  /// In one process they repeat exactly. As six, the number of a process' calls depends on who waits
  /// for whom; places in the program do not.
  public func diskCalls(_ subject: Subject, _ form: Form) throws -> [String: [DiskCall]] {
    try profiles.withLock { known in
      let name = "calls-\(subject.name)-\(form.rawValue)"
      if let calls = known[name] { return calls }
      let calls = try kept(name, subject) {
        try Self.profile(subject, form, at: work + "/profile-\(UUID().uuidString)")
      }
      known[name] = calls
      return calls
    }
  }

  /// What `make` makes, from a file if this build has made it before.
  private func kept<Value: Codable>(
    _ name: String, _ subject: Subject, make: () throws -> Value
  ) throws -> Value {
    var origin = Array(binary.utf8)
    for file in [subject.definition, Subject.base] {
      origin += try Data(contentsOf: URL(fileURLWithPath: file))
    }
    let mark = hexadecimal(SHA256.hash(origin)).prefix(12)
    let file = URL(fileURLWithPath: "\(work)/known/\(name)-\(mark).json")
    if FileManager.default.fileExists(atPath: file.path) {
      return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
    }
    let value = try make()
    try JSONEncoder().encode(value).write(to: file, options: .atomic)
    return value
  }

  private static func undisturbed(_ subject: Subject, at place: String) throws -> Reference {
    var seconds: [String: Double] = [:]
    var whole: RunFolder?
    for form in Form.allCases {
      let run = try RunFolder(subject, at: "\(place)-\(form.rawValue)")
      let clock = ContinuousClock()
      let began = clock.now
      let commands = try run.commands(form).map { try RunningCommand($0) }
      for command in commands {
        let ended = try command.wait()
        guard ended.status == 0 else {
          throw LabError("the undisturbed run of \(subject.name) fails: \(ended.errors)")
        }
      }
      seconds[form.rawValue] = began.duration(to: clock.now) / .seconds(1)
      if form == .whole { whole = run }
    }
    guard let whole else { preconditionFailure("Form has no case whole") }
    let attempts = try whole.attempts()
    guard attempts.started == attempts.distinct else {
      throw LabError("the undisturbed run of \(subject.name) samples chunks twice")
    }
    return Reference(
      results: try whole.results(step: subject.steps),
      generatedTokens: try whole.generatedTokens(), chunks: attempts.distinct, seconds: seconds,
      productKernel: try whole.summary()["blas_core"] as? String ?? "")
  }

  private static func profile(
    _ subject: Subject, _ form: Form, at place: String
  ) throws -> [String: [DiskCall]] {
    let run = try RunFolder(subject, at: place)
    let names = form == .whole ? ["whole"] : Form.stageNames
    func file(_ name: String) -> String { "\(run.folder)-\(name).calls" }
    let commands = try zip(names, run.commands(form)).map { name, command in
      let shim = try Shim(root: run.folder).counting(to: file(name))
      return try RunningCommand(command, environment: shim.environment)
    }
    for command in commands {
      let ended = try command.wait()
      guard ended.status == 0 else {
        throw LabError("\(subject.name) fails under the shim: \(ended.errors)")
      }
    }
    var calls: [String: [DiskCall]] = [:]
    for name in names {
      calls[name] = try DiskCall.read(file(name))
      try FileManager.default.removeItem(atPath: file(name))
    }
    return calls
  }
}

extension Subject {
  /// What the subjects' definitions build on.
  static let base = Repository.root + "/Tests/CrashLab/Subjects/base.yaml"
}

import Files
public import Records

/// Why a queue refuses, cannot go on, or holds what it must not hold.
public struct QueueError: DescribedError, Equatable {
  /// What to tell apart in a `catch`.
  public enum Code: Sendable, Equatable {
    /// Nothing to open at this place.
    case missing
    /// A queue is there already, or its creation was interrupted.
    case exists
    case unfinished
    /// Another process (or another handle of this process) holds it.
    case locked
    /// Another process started this stage since: the claim is worth nothing any more.
    case superseded
    /// The disk, or a user's quota on it, is full or nearly so.
    case diskFull
    /// The map cannot grow any further.
    case mapFull
    case permission
    /// A file system on which LMDB's locks and maps are not coherent.
    case unsuitableFileSystem
    /// Written by another version of this program.
    case unknownVersion
    /// Bytes that cannot be what was written.
    case damaged
    /// LMDB shows less than was once acknowledged.
    case steppedBack
    /// A second, different record under a key, or a cursor that would move back.
    case conflict
    /// A value over the limits.
    case tooLarge
    case readOnly
    /// An error of the operating system or of LMDB without a name of its own here.
    case system
  }

  public var code: Code
  /// LMDB asks to map the file anew, since another process grew it. Never leaves the module.
  var isMapResized = false
  public var location: String
  public var problem: String
  public var remedy: String

  public init(code: Code, location: String, problem: String, remedy: String) {
    self.code = code
    self.location = location
    self.problem = problem
    self.remedy = remedy
  }

  public var exitStatus: ExitStatus {
    switch code {
    case .locked, .superseded: .tryAgain
    case .damaged, .steppedBack, .unknownVersion, .conflict: .corrupt
    case .missing, .exists, .unsuitableFileSystem: .usage
    case .unfinished, .diskFull, .mapFull, .permission, .tooLarge, .readOnly, .system: .runFailed
    }
  }
}

extension QueueError {
  static func damaged(_ location: String, _ problem: String) -> QueueError {
    QueueError(
      code: .damaged, location: location, problem: problem,
      remedy: "Run `pipeline queue verify` on the run, then `pipeline queue repair`.")
  }

  /// The same with the file and the run's directory, which whoever found the damage did not know.
  /// A version that is not known may be damage as well: nobody can say before its checksum is found.
  func placed(in folder: String) -> QueueError {
    guard [.damaged, .steppedBack, .unknownVersion].contains(code) else { return self }
    var error = self
    if !location.hasPrefix(folder) { error.location = "\(folder)/data.mdb, \(location)" }
    let run = PathParts.folder(of: folder)
    let mending =
      "`pipeline queue verify \(run)` shows all of it, `pipeline queue repair \(run)` mends it."
    error.remedy =
      code == .unknownVersion ? "\(remedy) If it is damaged instead, \(mending)" : mending
    return error
  }

  static func tooLarge(_ location: String, bytes: Int, limit: Int) -> QueueError {
    QueueError(
      code: .tooLarge, location: location, problem: "holds \(bytes) bytes, over \(limit)",
      remedy: "Lower the number of rollouts in a group or the response limit.")
  }

  static func superseded(_ claim: StageClaim, epoch: UInt64) -> QueueError {
    QueueError(
      code: .superseded, location: "stage \(claim.name)",
      problem: "superseded: it started as number \(claim.epoch), and number \(epoch) runs now",
      remedy: "Nothing is lost; leave the work to the later one, or start this stage again.")
  }
}

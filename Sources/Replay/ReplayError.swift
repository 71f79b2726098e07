public import Records

/// What cannot be replayed, and what would help.
public struct ReplayError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// An algorithm, a threshold or a range of steps that cannot be read.
    case badRequest
    /// The run has nothing of what was asked for: no steps, no such group, no such update.
    case notThere
    /// Something that the replay reads was not recorded.
    case notRecorded
    /// Records of the run that contradict one another.
    case badData
    /// A record that must be there and is not.
    case damaged
    /// A file that cannot be written.
    case file
  }

  public var code: Code
  public var location: String
  public var problem: String
  public var remedy: String

  public init(_ code: Code, at location: String, _ problem: String, remedy: String) {
    self.code = code
    self.location = location
    self.problem = problem
    self.remedy = remedy
  }

  public var exitStatus: ExitStatus {
    switch code {
    case .badRequest, .notThere: .usage
    case .notRecorded, .badData: .mismatch
    case .damaged: .corrupt
    case .file: .runFailed
    }
  }
}

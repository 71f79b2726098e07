public import Records

/// Why a verifier that asks something outside cannot be asked.
public struct JudgeError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// A program, a key or a model is not there.
    case missing
    /// The machine lacks what a sandbox is made of.
    case noSandbox
    /// A stored file is not what it should be.
    case damaged
    /// A file cannot be read or written.
    case file
    /// An endpoint does not answer, or not as it should.
    case unavailable
  }

  public var code: Code
  public var location: String
  public var problem: String
  public var remedy: String

  init(_ code: Code, at location: String, _ problem: String, remedy: String) {
    self.code = code
    self.location = location
    self.problem = problem
    self.remedy = remedy
  }

  public var exitStatus: ExitStatus {
    switch code {
    case .missing, .noSandbox: .usage
    case .damaged: .corrupt
    case .file: .runFailed
    case .unavailable: .tryAgain
    }
  }
}

public import Records

/// What a page asked for and cannot have.
public struct PagesError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// No such view, run or group.
    case notFound
    /// A parameter that means nothing.
    case badRequest
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
    case .notFound, .badRequest: .usage
    case .file: .runFailed
    }
  }
}

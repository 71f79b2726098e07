public import Records

/// A request that is refused, or a server that cannot begin.
public struct WebError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// The server cannot have its port.
    case cannotBegin
    /// What requests should bring is no token.
    case badToken
    /// The request is answered with this HTTP status.
    case refused(status: Int)
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

  public var exitStatus: ExitStatus { code == .cannotBegin ? .runFailed : .usage }

  /// HTTP status; 500 for what is no matter of a request.
  public var status: Int {
    if case .refused(let status) = code { status } else { 500 }
  }

  static func badTarget(_ problem: String) -> WebError {
    WebError(
      .refused(status: 400), at: "request target", problem,
      remedy: "Follow the links of the pages, or encode the parts of the path.")
  }
}

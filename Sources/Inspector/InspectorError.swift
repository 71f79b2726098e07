public import Records

/// What was asked for cannot be shown.
public struct InspectorError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// No run, evaluation or queue at this place.
    case noRun
    /// The group, or the step, is not in the run.
    case noGroup
    /// No token of the group has the quantity that was asked for.
    case noQuantity
    /// A screen without a terminal.
    case noTerminal
    /// A file that would be replaced without having been asked.
    case exists
    /// A file of the run cannot be read, or is not what it should be.
    case file
    /// A record that must be there is not.
    case damaged
    /// What was asked for means nothing: a sort order, a column, a pattern.
    case badRequest
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
    case .noRun, .noGroup, .noQuantity, .exists, .noTerminal, .badRequest: .usage
    case .file: .runFailed
    case .damaged: .corrupt
    }
  }
}

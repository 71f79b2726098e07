public import Records

/// Why a verifier cannot be made as it was asked for.
public struct VerifierError: DescribedError, Equatable {
  /// Which part of a composition, from 0.
  public var part = 0
  /// `name`, `weight`, or the parameter.
  public var parameter: String
  public var problem: String
  public var remedy: String

  public init(_ parameter: String, _ problem: String, remedy: String) {
    self.parameter = parameter
    self.problem = problem
    self.remedy = remedy
  }

  public var location: String { "part \(part), \(parameter)" }
  public var exitStatus: ExitStatus { .usage }
}

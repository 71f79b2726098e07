public import Records

/// What was wrong with a request to the laboratory.
public struct LaboratoryError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    case unknownExperiment
    case groupSize
  }

  public var code: Code
  public var location: String
  public var problem: String
  public var remedy: String
  public var exitStatus: ExitStatus { .usage }

  static func unknown(_ name: String, known: [String]) -> LaboratoryError {
    LaboratoryError(
      code: .unknownExperiment, location: "experiment", problem: "there is no \"\(name)\"",
      remedy: "Choose from \(known.joined(separator: ", ")).")
  }

  static func groupSize(_ text: String) -> LaboratoryError {
    LaboratoryError(
      code: .groupSize, location: "--group-size", problem: "\(text) is no size of a group",
      remedy: "Give sizes from 2 to 16.")
  }
}

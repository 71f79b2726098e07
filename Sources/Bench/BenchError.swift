public import Records

/// What a measurement cannot do.
public struct BenchError: DescribedError, Equatable {
  /// What kind of fault it is, for `catch`.
  public enum Code: Sendable, Equatable {
    /// Not written as a shape is.
    case shape
    /// The job would need more memory than there is.
    case memory
    /// A file that is missing or holds nothing to measure.
    case file
    /// A measurement's process ended without a result.
    case ended
  }

  public let code: Code
  public let location: String
  public let problem: String
  public let remedy: String
  public var exitStatus: ExitStatus {
    switch code {
    case .shape, .file: .usage
    case .memory, .ended: .runFailed
    }
  }

  static func shape(_ text: String, _ form: String, example: String) -> Self {
    Self(
      code: .shape, location: "--shape", problem: "\"\(text.shortened)\" is no shape \(form)",
      remedy: "Write it as \(example), of at most \(BenchShape.largest) tokens together.")
  }

  static func memory(_ what: String, needed: Int, available: Int) -> Self {
    Self(
      code: .memory, location: what,
      problem: "it needs about \(needed >> 20) MiB, and \(available >> 20) MiB can be had",
      remedy: "Take a smaller shape or model, or a machine with more memory.")
  }

  static func file(_ path: String, _ problem: String, remedy: String) -> Self {
    Self(code: .file, location: path, problem: problem.shortened, remedy: remedy)
  }

  /// - Parameter how: `with status 1`, `by signal 9`.
  public static func ended(_ job: String, _ how: String) -> Self {
    Self(
      code: .ended, location: job, problem: "its process ended \(how) and gave no figures",
      remedy: "Look at what it said above; by signal 9 the system ends what has no memory left.")
  }
}

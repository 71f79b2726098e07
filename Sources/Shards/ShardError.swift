public import Records

/// A dataset is missing, damaged, or not what its manifest says.
public struct ShardError: DescribedError, Equatable {
  /// What went wrong, for `catch`.
  public enum Code: Sendable, Equatable {
    /// No such folder, manifest or shard.
    case missing
    /// The manifest does not say what a manifest must say.
    case manifest
    /// A shard's bytes are not those the manifest describes, or do not decode.
    case damaged
    /// A row is not a row.
    case row
    /// A limit on sizes is passed.
    case limit
    /// The target exists already.
    case exists
    /// The system refused to read or write.
    case io
    /// The caller's settings make no dataset.
    case settings
    /// Another process is at work there.
    case busy
  }

  public var code: Code
  public var location: String
  public var problem: String
  public var remedy: String

  public init(_ code: Code, location: String, problem: String, remedy: String) {
    self.code = code
    self.location = location
    self.problem = problem
    self.remedy = remedy
  }

  public var exitStatus: ExitStatus {
    switch code {
    case .missing, .exists, .settings: .usage
    case .manifest, .damaged, .row, .limit: .mismatch
    case .io: .runFailed
    case .busy: .tryAgain
    }
  }
}

extension ShardError {
  static func damaged(_ location: String, _ problem: String) -> ShardError {
    ShardError(
      .damaged, location: location, problem: problem,
      remedy: "Restore the shard from its origin or write the dataset again.")
  }

  static func manifest(_ location: String, _ problem: String) -> ShardError {
    ShardError(
      .manifest, location: location, problem: problem,
      remedy: "Restore manifest.json from its origin or write the dataset again.")
  }

  static func row(_ location: String, _ problem: String) -> ShardError {
    ShardError(
      .row, location: location, problem: problem,
      remedy: "Correct the row at its origin and write the dataset again.")
  }

  static func settings(_ location: String, _ problem: String, _ remedy: String) -> ShardError {
    ShardError(.settings, location: location, problem: problem, remedy: remedy)
  }
}

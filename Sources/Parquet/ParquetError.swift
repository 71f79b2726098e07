public import Records

/// A Parquet file is missing, damaged, or of a kind that is not read here.
public struct ParquetError: DescribedError, Equatable {
  /// What went wrong, for `catch`.
  public enum Code: Sendable, Equatable {
    /// It cannot be opened or read.
    case missing
    /// Its bytes are not what the format or its own footer says.
    case damaged
    /// Sound, as far as one can tell, but of a type, codec or encoding that is not read here.
    case unsupported
    /// A limit on sizes is passed.
    case limit
  }

  public var code: Code
  public var location: String
  public var problem: String

  public var remedy: String {
    switch code {
    case .missing: "Name a file that can be read."
    case .damaged: "Fetch the file again from its origin."
    case .unsupported, .limit:
      "Write it again with pandas: `pd.read_parquet(FILE).to_json(NEW, orient=\"records\", lines=True)`."
    }
  }

  public var exitStatus: ExitStatus { code == .missing ? .usage : .mismatch }
}

/// What is wrong with a part of a file, before anybody has said which part of which file.
struct ParquetFlaw: Error, Equatable {
  let code: ParquetError.Code
  let problem: String

  static func damaged(_ problem: String) -> ParquetFlaw {
    ParquetFlaw(code: .damaged, problem: problem)
  }

  static func unsupported(_ problem: String) -> ParquetFlaw {
    ParquetFlaw(code: .unsupported, problem: problem)
  }

  static func limit(_ problem: String) -> ParquetFlaw {
    ParquetFlaw(code: .limit, problem: problem)
  }

  func at(_ location: String) -> ParquetError {
    ParquetError(code: code, location: location, problem: problem)
  }
}

public import Records

/// What stops a run or a stage.
public struct StageError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    case badRun
    /// Another process has made the run that this one was making.
    case madeElsewhere
    case badData
    case changed
    case mismatch
    case notYet
    case file
    case damaged
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
    case .badRun, .madeElsewhere: .usage
    case .badData, .changed, .mismatch: .mismatch
    case .notYet: .tryAgain
    case .file: .runFailed
    case .damaged: .corrupt
    }
  }
}

extension StageError {
  /// For records whose checksums hold and that contradict each other: none of them is damaged, so that
  /// no repair knows which one to make again.
  package static let contradictionRemedy =
    "Run `pipeline queue verify RUN --deep`, which names the record that is wrong, then go back before "
    + "it with `pipeline rewind RUN --to STEP`."
}

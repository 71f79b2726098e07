public import Records

/// What verifiers said of a group.
public struct JudgedGroup: Sendable {
  public var verdicts: [Verdict]
  /// What each verdict took.
  public var seconds: [Double]
}

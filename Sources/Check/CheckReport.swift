/// What a comparison with golden vectors came to, file by file.
public struct CheckReport: Sendable, Equatable, Codable {
  /// Most bytes of a file with golden vectors: what is longer is something else.
  static let longestFile = 1 << 30

  public struct File: Sendable, Equatable, Codable {
    public var cases = 0
    public var passed = 0
    public var failed = 0
    public var skipped = 0
    /// The largest error over its tolerance; above 1 is a failure.
    public var worst = 0.0
    /// `CASE: what differs`.
    public var failures: [String] = []

    public init() {}

    /// Counts one case. `worst` is its largest error over its tolerance; the case passes with no
    /// `failure` and `worst` ≤ 1.
    public mutating func record(_ name: String, worst: Double = 0, failure: String? = nil) {
      cases += 1
      if worst > self.worst { self.worst = worst }
      if failure == nil, worst <= 1 {
        passed += 1
      } else {
        failed += 1
        failures.append("\(name): \(failure ?? "\(worst) times its tolerance")")
      }
    }
  }

  public var cases = 0
  public var passed = 0
  public var failed = 0
  public var skipped = 0
  /// By the argument as given: a file or a directory.
  public var files: [String: File] = [:]

  public init() {}

  public mutating func add(_ file: File, named name: String) {
    cases += file.cases
    passed += file.passed
    failed += file.failed
    skipped += file.skipped
    files[name] = file
  }
}

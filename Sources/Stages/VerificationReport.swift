/// What a verification looked at, and what it found wrong.
public struct VerificationReport: Sendable, Equatable, Codable {
  /// One thing that was looked at as a whole.
  public struct Check: Sendable, Equatable, Codable {
    /// `rollouts`, `exactly once`, …
    public var name: String
    /// How many records, values or files were compared.
    public var checked: Int
    public var problems: Int
  }

  /// Something that is not as it must be.
  public struct Problem: Sendable, Equatable, Codable {
    /// `verdicts/17`, `cursors/gate`, a file.
    public var location: String
    public var problem: String
    /// Imperative, with the command.
    public var remedy: String

    public init(location: String, problem: String, remedy: String) {
      self.location = location
      self.problem = problem
      self.remedy = remedy
    }
  }

  public private(set) var checks: [Check] = []
  public private(set) var problems: [Problem] = []
  private let remedy: String

  public var isClean: Bool { problems.isEmpty }

  /// - Parameter run: the directory, as the remedies name it.
  public init(run: String) { remedy = "Run `pipeline queue repair \(run)`." }

  /// Starts a check; what is counted and found from now on belongs to it.
  public mutating func begin(_ name: String) {
    checks.append(Check(name: name, checked: 0, problems: 0))
  }

  mutating func count(_ checked: Int = 1) { checks[checks.count - 1].checked += checked }

  public mutating func find(_ location: String, _ problem: String, remedy: String? = nil) {
    problems.append(
      Problem(location: location, problem: problem, remedy: remedy ?? self.remedy))
    checks[checks.count - 1].problems += 1
  }

  /// Notes a problem unless `holds`.
  mutating func require(
    _ holds: Bool, _ location: @autoclosure () -> String, _ problem: @autoclosure () -> String
  ) {
    count()
    if !holds { find(location(), problem()) }
  }
}

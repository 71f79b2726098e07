public import Records

/// One group with every token's parts under each algorithm.
public struct GroupReplay: Sendable, Equatable, Encodable {
  /// The factors of a token's weight under one algorithm:
  /// `weight = mask · ratio · shape · advantage · norm + added`, `ratio = π_θ / π_ref`.
  public struct Parts: Sendable, Equatable, Encodable {
    public var algorithm: String
    public var mask: Double
    public var ratio: Double
    /// `log π_ref`, in nats.
    public var logReference: Double
    public var shape: Double
    public var advantage: Double
    public var norm: Double
    public var added: Double
    public var weight: Double
  }

  public struct Token: Sendable, Equatable, Encodable {
    public var position: Int
    public var id: Int32
    public var text: String
    /// Under the current policy as the replay takes it; nil where nothing was stored.
    public var logProbability: Double?
    /// One for each algorithm that trains the trajectory.
    public var under: [Parts]
  }

  public struct Response: Sendable, Equatable, Encodable {
    public var kind: TrajectoryKind
    public var index: Int
    public var tokens: [Token]
  }

  public var group: GroupID
  public var decisions: [ReplayedDecision]
  /// Those that some algorithm trains: rollouts, then demonstrations, then rejected responses.
  public var trajectories: [Response] = []
  /// Algorithms without numbers, and why.
  public var failures: [String: ReplayFailure] = [:]

  /// - Parameter text: what a token adds to the text.
  public init(
    _ group: GroupID, _ report: ReplayReport, _ decisions: [ReplayedDecision],
    _ replayed: [ReplayedTrajectory], text: (Int32) -> String
  ) {
    self.group = group
    self.decisions = decisions
    for summary in report.algorithms {
      if let failure = summary.failure { failures[summary.label] = failure }
    }
    for kind in TrajectoryKind.allCases {
      let own = replayed.filter { $0.group == group && $0.kind == kind }
      for index in Set(own.map(\.index)).sorted() {
        trajectories.append(Response(own.filter { $0.index == index }, text: text))
      }
    }
  }
}

extension GroupReplay.Response {
  /// - Parameter same: one trajectory under each algorithm that trains it; not empty.
  fileprivate init(_ same: [ReplayedTrajectory], text: (Int32) -> String) {
    kind = same[0].kind
    index = same[0].index
    tokens = same[0].tokens.indices.map { position in
      let first = same[0].tokens[position]
      return GroupReplay.Token(
        position: position, id: first.id, text: text(first.id),
        logProbability: first.logProbability.isNaN ? nil : first.logProbability,
        under: same.map { GroupReplay.Parts($0.label, $0.tokens[position]) })
    }
  }
}

extension GroupReplay.Parts {
  fileprivate init(_ label: String, _ token: ReplayedTrajectory.Token) {
    algorithm = label
    mask = token.mask
    ratio = token.ratio
    logReference = token.logReference
    shape = token.shape
    advantage = token.advantage
    norm = token.norm
    added = token.added
    weight = token.weight
  }
}

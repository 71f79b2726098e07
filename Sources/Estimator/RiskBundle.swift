import Randomness

/// Consecutive groups of a step and the papers made of their responses.
public struct RiskBundle: Sendable, Equatable {
  /// Indices of the bundle's groups in the step.
  public let groups: [Int]
  public let paperCount: Int
  /// `[paper, group]`, row-major: which row of the group stands in the paper.
  let rows: [Int]

  /// - Parameter papers: per paper, one row index for each of `groups`.
  public init(groups: [Int], papers: [[Int]]) {
    for paper in papers {
      precondition(
        paper.count == groups.count,
        "RiskBundle: a paper of \(paper.count) responses to \(groups.count) questions")
    }
    self.groups = groups
    paperCount = papers.count
    rows = papers.flatMap { $0 }
  }

  /// The row of the bundle's `question`-th group in the `paper`-th paper.
  public func row(paper: Int, question: Int) -> Int { rows[paper * groups.count + question] }
}

extension RiskMeasure {
  /// The bundles of a step: groups with members, in order, `bundleSize` at a time.
  ///
  /// A bundle has as many papers as its smallest group has members; what is left over stands in none.
  /// In the paper form each question's members are permuted first, by a permutation of their own that
  /// depends on `seed`, `step` and the group's id, and on no other group.
  public func bundles(_ groups: [AssemblyGroup], seed: UInt64, step: UInt64) -> [RiskBundle] {
    let stream = RandomStream(seed: seed, purpose: .bundles)
    var bundles: [RiskBundle] = []
    var indices: [Int] = []
    var members: [[Int]] = []
    func close() {
      guard !indices.isEmpty else { return }
      let papers = members.reduce(Int.max) { min($0, $1.count) }
      bundles.append(
        RiskBundle(
          groups: indices, papers: (0..<papers).map { paper in members.map { $0[paper] } }))
      indices.removeAll()
      members.removeAll()
    }
    for (index, group) in groups.enumerated() {
      var rows = group.rows.indices.filter { group.rows[$0].standing == .member }
      guard !rows.isEmpty else { continue }
      if form == .paper { Self.shuffle(&rows, stream, group.id, step) }
      indices.append(index)
      members.append(rows)
      if indices.count == bundleSize { close() }
    }
    close()
    return bundles
  }

  /// Fisher and Yates' shuffle.
  private static func shuffle(
    _ rows: inout [Int], _ stream: RandomStream, _ group: UInt64, _ step: UInt64
  ) {
    for last in rows.indices.dropFirst().reversed() {
      let other = stream.integer(
        below: UInt64(last) + 1, group, UInt32(last), UInt32(truncatingIfNeeded: step))
      rows.swapAt(last, Int(other))
    }
  }

  /// R of each paper of `bundle`: the sum of its responses' rewards, less their penalties.
  public func scores(_ bundle: RiskBundle, _ groups: [AssemblyGroup]) -> [Double] {
    (0..<bundle.paperCount).map { paper in
      var sum = 0.0
      for (question, group) in bundle.groups.enumerated() {
        sum += groups[group].rows[bundle.row(paper: paper, question: question)].outcome
      }
      return sum
    }
  }
}

extension RiskMeasure {
  /// Bundles, measures and remembers one step.
  func assemble(
    _ groups: [AssemblyGroup], seed: UInt64, step: UInt64, memory: inout [Double],
    into assembled: inout [AssembledGroup]
  ) throws(EstimatorError) {
    var tracker = try tracker(memory: memory)
    let bundles = bundles(groups, seed: seed, step: step)
    let scores = bundles.flatMap { self.scores($0, groups) }
    // The paper's form has nothing but tracked quantiles: the first step's are its own.
    let starts = form == .paper && tracker.isFresh
    if starts { tracker.observe(scores, learningRate: quantileLearningRate) }
    assign(bundles, groups, tracked: reference(tracker), into: &assembled)
    if !starts { tracker.observe(scores, learningRate: quantileLearningRate) }
    memory = tracker.values
  }

  /// `Â` of the rows of given bundles by given quantiles, with no memory: what papers or quantiles
  /// recorded elsewhere are checked with.
  ///
  /// - Throws: as ``AdvantageEstimate/assemble(_:seed:step:memory:)``.
  public func assemble(
    _ groups: [AssemblyGroup], bundles: [RiskBundle], tracked: RiskReference?
  ) throws(EstimatorError) -> [AssembledGroup] {
    for group in groups { try group.check(values: false) }
    var assembled = groups.map { AssembledGroup(settling: $0) }
    assign(bundles, groups, tracked: tracked, into: &assembled)
    return assembled
  }

  private func assign(
    _ bundles: [RiskBundle], _ groups: [AssemblyGroup], tracked: RiskReference?,
    into assembled: inout [AssembledGroup]
  ) {
    var unit = 0
    for (index, bundle) in bundles.enumerated() {
      let numbers = paperAdvantages(scores: scores(bundle, groups), tracked: tracked)
      let questions = bundle.groups.map { question(groups[$0]) }
      for group in bundle.groups { assembled[group].bundle = index }
      for paper in 0..<bundle.paperCount {
        let shares = shares(bundle, paper, groups, questions)
        for (question, group) in bundle.groups.enumerated() {
          let row = bundle.row(paper: paper, question: question)
          assembled[group].rows[row].advantages[0] = numbers[paper] * shares[question]
          assembled[group].rows[row].unit = unit
        }
        unit += 1
      }
    }
  }

  /// Mean and standard deviation of one question's rewards, over all its members; the deviation is 1
  /// where the release puts 1.
  private func question(_ group: AssemblyGroup) -> (mean: Double, deviation: Double) {
    guard form == .released, credit == .std || credit == .sumMean else { return (0, 1) }
    let rewards = group.rows.filter { $0.standing == .member }.map(\.outcome)
    let deviation = Self.deviation(rewards) ?? 1
    return (
      rewards.reduce(0, +) / Double(max(1, rewards.count)), deviation > 1e-3 ? deviation : 1
    )
  }

  /// What each response of a paper gets, as a multiple of the paper's number.
  private func shares(
    _ bundle: RiskBundle, _ paper: Int, _ groups: [AssemblyGroup],
    _ questions: [(mean: Double, deviation: Double)]
  ) -> [Double] {
    let count = bundle.groups.count
    guard form == .released, credit != .uniform else { return Array(repeating: 1, count: count) }
    let rewards = bundle.groups.enumerated().map { question, group in
      groups[group].rows[bundle.row(paper: paper, question: question)].outcome
    }
    switch credit {
    case .uniform: return Array(repeating: 1, count: count)
    case .score: return rewards.map { $0 > 0 ? 0.5 : 1.5 }
    case .std: return questions.map { 1 / ($0.deviation + Self.epsilon) }
    case .sumMean:
      let distances = zip(rewards, questions).map { $0 - $1.mean }
      let sum = distances.reduce(0, +)
      guard abs(sum) > 1e-6 else { return Array(repeating: 1 / Double(count), count: count) }
      return distances.map { $0 / sum }
    }
  }
}

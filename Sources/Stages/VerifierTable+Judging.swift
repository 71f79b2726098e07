import Records
import Verifiers

extension VerifierTable {
  /// Judges groups, each by the verifier of its source. Verifiers that wait for something outside are
  /// asked of several responses at once; the order of the results is that of the groups.
  ///
  /// - Parameter interruption: when it comes, what is not complete is dropped.
  /// - Returns: nil for groups that were dropped.
  public func judge(
    _ groups: [AskedGroup], interruption: Interruption? = nil
  ) -> [JudgedGroup?] {
    var judged = [JudgedGroup?](repeating: nil, count: groups.count)
    var sources: [String] = []
    for group in groups where !sources.contains(group.prompt.source) {
      sources.append(group.prompt.source)
    }
    for source in sources {
      let places = groups.indices.filter { groups[$0].prompt.source == source }
      let verifier = verifier(for: source)
      let members = places.map { groups[$0] }
      let results: [JudgedGroup?] =
        switch verifier.asking {
        case .inTurn: members.map(verifier.judgeEach)
        case .together: members.map { interruption?.status == nil ? verifier.judgeAll($0) : nil }
        case .atOnce(let count): verifier.judge(members, atOnce: count, interruption)
        }
      for (place, result) in zip(places, results) { judged[place] = result }
    }
    return judged
  }
}

extension Verifier {
  /// Every response by itself.
  fileprivate func judgeEach(of group: AskedGroup) -> JudgedGroup {
    let answers = group.responses.map { response in timed { verify(response, of: group.prompt) } }
    return completed(group, answers.map(\.result), answers.map(\.seconds))
  }

  /// All responses in one pass, whose time they share.
  fileprivate func judgeAll(_ group: AskedGroup) -> JudgedGroup {
    let (verdicts, seconds) = timed { verify(all: group.responses, of: group.prompt) }
    let share = seconds / Double(max(1, verdicts.count))
    return completed(group, verdicts, verdicts.map { _ in share })
  }

  /// The responses of several groups, `count` at a time.
  fileprivate func judge(
    _ groups: [AskedGroup], atOnce count: Int, _ interruption: Interruption?
  ) -> [JudgedGroup?] {
    let places = groups.indices.flatMap { group in
      groups[group].responses.indices.map { (group: group, response: $0) }
    }
    let answers = WaitingThreads(atOnce: count, interruption: interruption, stop: stop)
      .map(places.count) { index in
        let (group, response) = places[index]
        return timed { verify(groups[group].responses[response], of: groups[group].prompt) }
      }
    var rest = answers[...]
    return groups.map { group in
      let own = rest.prefix(group.responses.count).compactMap { $0 }
      rest = rest.dropFirst(group.responses.count)
      guard own.count == group.responses.count else { return nil }
      return completed(group, own.map(\.result), own.map(\.seconds))
    }
  }

  private func completed(
    _ group: AskedGroup, _ verdicts: [Verdict], _ seconds: [Double]
  ) -> JudgedGroup {
    JudgedGroup(
      verdicts: complete(verdicts, of: group.responses).map(\.checked), seconds: seconds)
  }
}

private func timed<Result>(_ body: () -> Result) -> (result: Result, seconds: Double) {
  let clock = ContinuousClock()
  let began = clock.now
  let result = body()
  return (result, began.duration(to: clock.now).seconds)
}

extension Verdict {
  /// The verdict, or an error where its numbers are none: no record holds them.
  fileprivate var checked: Verdict {
    guard case .scored(let reward, let components) = outcome,
      let bad = ([reward] + components.map(\.value)).first(where: { !$0.isFinite })
    else { return self }
    return Verdict(outcome: .error("its verifier gave \(bad)"), rule: "error")
  }
}

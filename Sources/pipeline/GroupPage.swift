import Inspector
import Replay

/// The page of `inspect show`.
struct GroupPage {
  private let view: GroupView
  private let heat: GroupHeat?
  private let showsTokens: Bool
  private let output: Output

  /// - Parameters:
  ///   - heat: what colours the tokens, if anything does.
  ///   - showsTokens: with a table of each response's tokens.
  init(_ view: GroupView, heat: GroupHeat? = nil, showsTokens: Bool, _ output: Output) {
    self.view = view
    self.heat = heat
    self.showsTokens = showsTokens
    self.output = output
  }

  func print() {
    printHead()
    if let heat { output.print(heat.legend(output)) }
    section("prompt", view.prompt)
    section("ground truth", view.groundTruth)
    for (index, demonstration) in view.demonstrations.enumerated() {
      var title = "demonstration"
      if view.demonstrations.count > 1 { title += " \(index)" }
      if demonstration.tokenCount > 0 { title += "  \(demonstration.tokenCount) tokens" }
      if let reward = demonstration.verdict?.reward {
        title += "  reward \(TextChart.decimal(reward))"
      }
      if let advantage = demonstration.advantage {
        title += "  advantage \(TextChart.decimal(advantage))"
      }
      if demonstration.trains == true { title += "  trains" }
      section(title, demonstration, heat?.lines(.demonstration, index, output))
    }
    for (index, rejected) in view.rejected.enumerated() {
      section(
        "rejected  \(rejected.tokenCount) tokens", rejected,
        heat?.lines(.rejected, index, output))
    }
    for (index, rollout) in view.rollouts.enumerated() {
      section(
        "rollout \(index)  " + facts(of: rollout), rollout, heat?.lines(.rollout, index, output))
      if let critique = rollout.verdict?.critique { section("critique", critique) }
    }
  }

  private func printHead() {
    var table = TextTable([.init(""), .init("", shrinks: true)])
    func fact(_ name: String, _ value: String?) {
      if let value { table.add([name, TerminalText.escaped(value)]) }
    }
    fact("group", "\(view.group), step \(view.step), wave \(view.wave)")
    fact("prompt", "\(view.id), epoch \(view.epoch), position \(view.position)")
    fact("source", view.source)
    let tags = view.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    fact("tags", tags.isEmpty ? nil : tags.joined(separator: " "))
    fact("policy", view.policyVersion.map { "version \($0), weights \(view.weights ?? "")…" })
    fact("refused", view.refusal)
    fact("fate", fate)
    for line in table.lines(width: output.width) { output.print(line) }
  }

  private var fate: String {
    var text = view.fate.rawValue
    if let solved = view.solved, let total = view.total { text += ", \(solved) of \(total) solved" }
    guard let decision = view.decision else { return text }
    if let drop = decision.drop { return text + ", \(drop)" }
    text += ", rule \(decision.rule), weights \(decision.rolloutWeight) on rollouts and "
    text += "\(decision.demonstrationWeight) on the demonstration"
    guard decision.offPolicyWeight != 0 else { return text }
    return text + ", \(decision.offPolicyWeight) on it as a member"
  }

  private func facts(of rollout: GroupView.Response) -> String {
    var facts: [String] = []
    if let verdict = rollout.verdict {
      if let reward = verdict.reward { facts.append("reward \(TextChart.decimal(reward))") }
      if let error = verdict.error { facts.append("verifier error: \(error)") }
      facts.append(verdict.rule)
      if let extracted = verdict.extracted { facts.append("found \"\(extracted)\"") }
    }
    facts.append("\(rollout.tokenCount) tokens")
    facts.append(rollout.finish == "length" ? "cut at the limit" : "ended by itself")
    if let sum = rollout.logProbability { facts.append("log p \(TextChart.decimal(sum))") }
    if let advantage = rollout.advantage {
      facts.append("advantage \(TextChart.decimal(advantage))")
    }
    if let trains = rollout.trains { facts.append(trains ? "trains" : "does not train") }
    return facts.joined(separator: ", ")
  }

  /// A response, in colours where there are any.
  private func section(_ title: String, _ response: GroupView.Response, _ heat: [String]?) {
    if let heat {
      output.print()
      output.print(output.styled(TerminalText.escaped(title), .bold))
      for line in heat { output.print("  \(line)") }
    } else {
      section(title, response.text)
    }
    if showsTokens { printTokens(response) }
  }

  private func section(_ title: String, _ text: String) {
    output.print()
    output.print(output.styled(TerminalText.escaped(title), .bold))
    // Some models end every text in a line feed; the page has its own.
    let body = text.last == "\n" ? String(text.dropLast()) : text
    for line in TerminalText.escaped(body, keepsNewlines: true)
      .split(separator: "\n", omittingEmptySubsequences: false)
    {
      output.print("  \(line)")
    }
  }

  private func printTokens(_ response: GroupView.Response) {
    guard let tokens = response.tokens else { return }
    let names = Set(tokens.flatMap(\.quantities.keys)).sorted()
    var table = TextTable(
      [.init("#", .right), .init("id", .right), .init("token", shrinks: true)]
        + [.init("log p", .right)] + names.map { .init(TerminalText.escaped($0), .right) }
        + [.init("")])
    for (index, token) in tokens.enumerated() {
      let quantities = names.map { token.quantities[$0].map(TextChart.decimal) ?? "" }
      table.add(
        ["\(index)", "\(token.id)", "\"\(TerminalText.escaped(token.text))\""]
          + [token.logProbability.map { "\($0)" } ?? ""] + quantities
          + [token.trained ? "" : "not trained"])
    }
    output.print(table)
  }
}

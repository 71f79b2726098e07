import Inspector

/// The page of `verify explain`.
struct VerdictPage {
  /// Characters of a response that are shown before and behind the answer.
  private static let reach = 240

  private let explanation: VerdictExplanation
  private let output: Output

  init(_ explanation: VerdictExplanation, _ output: Output) {
    self.explanation = explanation
    self.output = output
  }

  func print() {
    var table = TextTable([.init(""), .init("", shrinks: true)])
    if let group = explanation.group { table.add(["group", "\(group)"]) }
    if !explanation.source.isEmpty {
      table.add(["source", TerminalText.escaped(explanation.source)])
    }
    table.add(["ground truth", TerminalText.escaped(String(explanation.groundTruth.prefix(400)))])
    table.add([
      "verifier", "\(TerminalText.escaped(explanation.verifier)), version \(explanation.version)",
    ])
    for line in table.lines(width: output.width) { output.print(line) }
    let isText = explanation.group == nil
    for (index, judged) in explanation.rollouts.enumerated() {
      print(judged, isText ? "response" : "rollout \(index)")
    }
    for (index, judged) in explanation.demonstrations.enumerated() {
      print(judged, "demonstration \(index)")
    }
  }

  private func print(_ judged: VerdictExplanation.Judged, _ title: String) {
    output.print()
    let word: String
    switch judged.right {
    case true?: word = output.styled("right", .green)
    case false?: word = output.styled("wrong", .red)
    case nil: word = output.styled("no verdict", .yellow)
    }
    output.print(output.styled(title, .bold) + "  " + word)
    for line in marked(judged).split(separator: "\n", omittingEmptySubsequences: false) {
      output.print("  | \(line)")
    }
    var facts = ["rule \(TerminalText.escaped(judged.rule))"]
    if let error = judged.error { facts.append("error: \(TerminalText.escaped(error))") }
    if judged.extracted == nil, judged.error == nil { facts.append("no answer found") }
    if let critique = judged.critique { facts.append(TerminalText.escaped(critique)) }
    if judged.finish == "length" { facts.append("cut at the limit") }
    if let tokens = judged.tokenCount { facts.append("\(tokens) tokens") }
    if let seconds = judged.seconds { facts.append("\(TextChart.decimal(seconds * 1e6)) µs") }
    output.print("  " + facts.joined(separator: ", "))
    guard let reward = judged.reward else { return }
    output.print("  reward \(TextChart.decimal(reward)) = " + sum(judged.components, reward))
  }

  /// The parts that make the reward, and what was counted beside.
  private func sum(_ components: [VerdictExplanation.Component], _ reward: Double) -> String {
    let added = components.filter { $0.weight != nil }
    let factors = components.filter(\.multiplies)
    let beside = components.filter { $0.weight == nil && !$0.multiplies }
    var text = added.map { part in
      let name = TerminalText.escaped(part.name)
      return "\(TextChart.decimal(part.weight ?? 1)) · \(TextChart.decimal(part.value)) \(name)"
    }.joined(separator: " + ")
    if text.isEmpty { text = "the verifier's own" }
    for factor in factors {
      text = "(\(text)) · \(TextChart.decimal(factor.value)) \(TerminalText.escaped(factor.name))"
    }
    guard !beside.isEmpty else { return text }
    return text + "; "
      + beside.map { "\(TerminalText.escaped($0.name)) \(TextChart.decimal($0.value))" }
      .joined(separator: ", ")
  }

  /// The response around the answer, which stands between « and »; its end where none was found.
  private func marked(_ judged: VerdictExplanation.Judged) -> String {
    func escaped(_ text: some StringProtocol) -> String {
      TerminalText.escaped(String(text), keepsNewlines: true)
    }
    let text = judged.text
    guard let span = judged.span, span.count == 2, span[1] <= text.utf8.count,
      let start = text.utf8.index(text.startIndex, offsetBy: span[0], limitedBy: text.endIndex),
      let end = text.utf8.index(start, offsetBy: span[1] - span[0], limitedBy: text.endIndex)
    else {
      let tail = text.suffix(2 * Self.reach)
      return (tail.startIndex > text.startIndex ? "…" : "") + escaped(tail)
    }
    let before = text[..<start].suffix(Self.reach)
    let behind = text[end...].prefix(Self.reach)
    let answer = text[start..<end]
    let shown =
      answer.count > 2 * Self.reach
      ? escaped(answer.prefix(Self.reach)) + " … " + escaped(answer.suffix(Self.reach))
      : escaped(answer)
    return (before.startIndex > text.startIndex ? "…" : "") + escaped(before)
      + output.styled("«\(shown)»", .bold) + escaped(behind)
      + (behind.endIndex < text.endIndex ? "…" : "")
  }
}

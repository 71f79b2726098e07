import Inspector

/// The page of `verify rescore`.
struct RescorePage {
  private let rescore: VerdictRescore
  private let limit: Int
  private let output: Output

  init(_ rescore: VerdictRescore, limit: Int, _ output: Output) {
    self.rescore = rescore
    self.limit = limit
    self.output = output
  }

  func print() {
    printFlips()
    var table = TextTable([
      .init("source", shrinks: true), .init("verifier", shrinks: true), .init("rollouts", .right),
      .init("right", .right), .init("now", .right), .init("flips", .right),
      .init("rewards", .right), .init("errors", .right), .init("now", .right),
    ])
    for (source, totals) in rescore.sources.sorted(by: { $0.key < $1.key }) {
      table.add([
        TerminalText.escaped(source), TerminalText.escaped(totals.verifier),
        "\(totals.rollouts)", "\(totals.rightBefore)", "\(totals.rightAfter)", "\(totals.flips)",
        "\(totals.rewards)", "\(totals.errorsBefore)", "\(totals.errorsAfter)",
      ])
    }
    if !table.isEmpty { output.print(table) }
    output.print(
      "\(rescore.groups) groups, \(rescore.rollouts) rollouts, \(rescore.flips.count) flips")
    for line in rescore.spent { output.print(TerminalText.escaped(line)) }
  }

  private func printFlips() {
    guard !rescore.flips.isEmpty else { return }
    var table = TextTable([
      .init("group", .right), .init("rollout", .right), .init("source", shrinks: true),
      .init("was"), .init("rule", shrinks: true), .init("found", shrinks: true), .init("now"),
      .init("rule", shrinks: true), .init("found", shrinks: true),
    ])
    for flip in rescore.flips.prefix(limit) {
      table.add(
        ["\(flip.group)", "\(flip.rollout)", TerminalText.escaped(flip.source)]
          + cells(flip.old) + cells(flip.new))
    }
    output.print(table)
    if rescore.flips.count > limit {
      Output.note("\(rescore.flips.count - limit) more flips: --limit \(rescore.flips.count)")
    }
    output.print()
  }

  private func cells(_ side: VerdictRescore.Side) -> [String] {
    let word = side.right.map { $0 ? "right" : "wrong" } ?? "error"
    return [
      word, TerminalText.escaped(side.rule),
      TerminalText.escaped(String((side.extracted ?? side.error ?? "").prefix(200))),
    ]
  }
}

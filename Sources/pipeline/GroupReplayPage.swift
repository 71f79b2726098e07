import Inspector
import Replay

/// The page of `replay --group`: what each algorithm decides, and every token with the factors of its
/// weight.
struct GroupReplayPage {
  private let view: GroupReplay
  private let output: Output

  init(_ view: GroupReplay, _ output: Output) {
    self.view = view
    self.output = output
  }

  func print() {
    printDecisions()
    for (label, failure) in view.failures.sorted(by: { $0.key < $1.key }) {
      output.print(
        TerminalText.escaped("\(label) has no weights: \(failure.problem). \(failure.remedy)"))
    }
    for trajectory in view.trajectories {
      output.print()
      let title = "\(trajectory.kind.rawValue) \(trajectory.index)"
      output.print(output.styled("\(title)  \(trajectory.tokens.count) tokens", .bold))
      printTokens(trajectory)
    }
    output.print()
    output.print("weight = mask · ratio · shape · Â · norm + added,  ratio = π/π_ref")
  }

  private func printDecisions() {
    var table = TextTable([
      .init("under", shrinks: true), .init("group \(view.group)"), .init("rule", shrinks: true),
      .init("solved", .right), .init("kept", .right), .init("α", .right), .init("off", .right),
      .init("β", .right),
    ])
    for one in view.decisions {
      table.add([
        TerminalText.escaped(one.label), one.fate.rawValue,
        TerminalText.escaped(one.drop ?? one.rule), "\(one.solved)/\(one.total)",
        "\(one.kept.count)", ReplayPage.number(one.rolloutWeight),
        ReplayPage.number(one.offPolicyWeight), ReplayPage.number(one.demonstrationWeight),
      ])
    }
    output.print(table)
  }

  /// One line for a token under each algorithm; the token itself stands on the first of them.
  private func printTokens(_ trajectory: GroupReplay.Response) {
    var table = TextTable([
      .init("#", .right), .init("token", shrinks: true), .init("log π", .right),
      .init("under"), .init("mask", .right), .init("ratio", .right),
      .init("log π_ref", .right), .init("Â", .right), .init("norm", .right),
      .init("other"), .init("weight", .right),
    ])
    for token in trajectory.tokens {
      for (place, parts) in token.under.enumerated() {
        let head =
          place > 0
          ? ["", "", ""]
          : [
            "\(token.position)", "\"\(TerminalText.escaped(token.text))\"",
            token.logProbability.map(ReplayPage.number) ?? "",
          ]
        table.add(
          head + [
            TerminalText.escaped(parts.algorithm), ReplayPage.number(parts.mask),
            ReplayPage.number(parts.ratio),
            parts.logReference.isFinite ? ReplayPage.number(parts.logReference) : "",
            ReplayPage.number(parts.advantage), ReplayPage.number(parts.norm), other(parts),
            ReplayPage.number(parts.weight),
          ])
      }
    }
    output.print(table)
  }

  private func other(_ parts: GroupReplay.Parts) -> String {
    var other: [String] = []
    if parts.shape != 1, parts.mask != 0 {
      other.append("shape \(ReplayPage.number(parts.shape))")
    }
    if parts.added != 0 { other.append("added \(ReplayPage.number(parts.added))") }
    return other.joined(separator: " ")
  }
}

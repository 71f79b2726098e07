import Inspector

/// The lines about one rollout of a group, wrapped to a width.
struct Detail {
  /// A line, and whether it is a heading.
  struct Line {
    var text: String
    var isHeading = false
  }

  private(set) var lines: [Line] = []
  private let width: Int

  /// - Parameters:
  ///   - heat: colours the response's tokens by this quantity.
  ///   - hasColor: otherwise a line of digits stands under each of the response's.
  init(
    _ view: GroupView, rollout: Int, without hidden: Set<Field>, heat: Heat?, hasColor: Bool,
    width: Int
  ) {
    self.width = width
    func shows(_ field: Field) -> Bool { !hidden.contains(field) }
    if shows(.facts) { add(Self.facts(view)) }
    if shows(.tags), !view.tags.isEmpty {
      add(
        view.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
    }
    if shows(.prompt) { add("prompt", view.prompt) }
    if shows(.truth) { add("ground truth", view.groundTruth) }
    if shows(.demonstration) {
      for demonstration in view.demonstrations { add("demonstration", demonstration.text) }
    }
    guard view.rollouts.indices.contains(rollout) else {
      add(view.refusal.map { "refused: \($0)" } ?? "no rollouts yet")
      return
    }
    let own = view.rollouts[rollout]
    heading("rollout \(rollout) of \(view.rollouts.count)")
    if shows(.verdict) { add(Self.verdict(own)) }
    if shows(.response) { add(own, heat, hasColor) }
    if shows(.critique), let critique = own.verdict?.critique { add("critique", critique) }
  }

  private mutating func heading(_ title: String) {
    if !lines.isEmpty { lines.append(Line(text: "")) }
    lines.append(Line(text: title, isHeading: true))
  }

  private mutating func add(_ title: String, _ text: String) {
    heading(title)
    add(text)
  }

  private mutating func add(_ text: String) {
    lines += TerminalText.wrapped(text, to: width).map { Line(text: $0) }
  }

  private mutating func add(_ response: GroupView.Response, _ heat: Heat?, _ hasColor: Bool) {
    guard let heat, let tokens = response.tokens, let scale = heat.scale(tokens) else {
      return add(response.text)
    }
    let text = HeatText(
      tokens.map { token in (token.text, heat.value(of: token).flatMap { scale.level(of: $0) }) },
      width: width)
    lines += (hasColor ? text.coloured(scale) : text.plain).map { Line(text: $0) }
    add(
      "\(heat.rawValue): \(TextChart.decimal(scale.low)) (1) to \(TextChart.decimal(scale.high)) (9)"
    )
  }

  private static func facts(_ view: GroupView) -> String {
    var text = "\(view.source) \(view.id): \(view.fate.rawValue)"
    if let solved = view.solved, let total = view.total { text += ", \(solved) of \(total) solved" }
    guard let decision = view.decision else { return text }
    return text + ", \(decision.drop ?? decision.rule)"
  }

  private static func verdict(_ response: GroupView.Response) -> String {
    var facts: [String] = []
    if let verdict = response.verdict {
      if let reward = verdict.reward { facts.append("reward \(TextChart.decimal(reward))") }
      if let error = verdict.error { facts.append("verifier error: \(error)") }
      facts.append(verdict.rule)
      if let extracted = verdict.extracted { facts.append("found \"\(extracted)\"") }
    }
    facts.append("\(response.tokenCount) tokens")
    if response.finish == "length" { facts.append("cut at the limit") }
    if let advantage = response.advantage {
      facts.append("advantage \(TextChart.decimal(advantage))")
    }
    if response.trains == false { facts.append("does not train") }
    return facts.joined(separator: ", ")
  }
}

/// What colours the tokens of a response.
enum Heat: String, CaseIterable {
  case logProbability = "log p"
  case entropy
  case advantage

  func value(of token: GroupView.Token) -> Double? {
    switch self {
    case .logProbability: token.logProbability
    case .entropy: token.quantities["entropy"]
    case .advantage: token.advantage
    }
  }

  func scale(_ tokens: [GroupView.Token]) -> HeatScale? {
    HeatScale(tokens.compactMap(value), center: self == .advantage ? 0 : nil)
  }
}

import Inspector

/// The page of `inspect stats`.
struct StatisticsPage {
  /// Lines of the table over steps; further steps are averaged into them.
  private static let stepLines = 20

  private let statistics: RunStatistics
  private let output: Output

  init(_ statistics: RunStatistics, _ output: Output) {
    self.statistics = statistics
    self.output = output
  }

  func print() {
    printOverall()
    printDistributions()
    printSteps()
    printSpreads()
    printAccuracy("source", statistics.bySource)
    printAccuracy("level", statistics.byLevel)
    printCounts("gate rule", statistics.gateRules, "groups")
    printCounts("dropped because", statistics.dropReasons, "groups")
    printCounts("verdict", statistics.verdictRules, "rollouts")
    printCounts("verifier error", statistics.errors, "rollouts")
    printStorage()
  }

  private func printOverall() {
    let part = statistics.overall
    var table = TextTable([.init(""), .init("")])
    table.add(["groups", "\(part.groups)"])
    for fate in GroupSummary.Fate.allCases {
      guard let count = part.fates[fate.rawValue] else { continue }
      table.add(["  \(fate.rawValue)", "\(count), \(TextChart.percent(part.share(fate)))"])
    }
    table.add(["rollouts", "\(part.lengths.count)"])
    if let share = part.accuracy.share {
      table.add(["  solved", "\(part.accuracy.solved), \(TextChart.percent(share))"])
    }
    if let reward = part.meanReward { table.add(["  mean reward", TextChart.decimal(reward)]) }
    if part.lengths.count > 0 {
      table.add([
        "  tokens",
        "\(part.lengths.shortest) to \(part.lengths.longest), "
          + "mean \(TextChart.decimal(part.lengths.mean))",
      ])
      table.add(["  cut at the limit", "\(part.cut)"])
    }
    table.add(["verifier errors", "\(part.verifierErrors)"])
    if statistics.quarantined > 0 { table.add(["set aside", "\(statistics.quarantined)"]) }
    for line in table.lines(width: output.width) { output.print(line) }
  }

  private func printDistributions() {
    for distribution in statistics.distributions {
      let spread = distribution.spread
      output.print()
      output.print(
        output.styled(
          "\(distribution.quantity.rawValue) of \(spread.count) \(distribution.quantity.owner): "
            + "mean \(TextChart.decimal(spread.mean)), median \(TextChart.decimal(spread.median))",
          .dim))
      for line in Histogram(distribution.bins).lines(width: output.width - 40) {
        output.print("  \(line)")
      }
    }
  }

  /// The tenth, the middle and the ninetieth of a hundred values of each step.
  private func printSpreads() {
    guard statistics.steps.count > 1 else { return }
    for distribution in statistics.distributions {
      let name = distribution.quantity.rawValue
      let rows = [
        ("p90", \Distribution.Spread.p90), ("median", \.median), ("p10", \.p10),
      ].map { label, quantile in
        (label, statistics.steps.map { $0.spreads[name].map { $0[keyPath: quantile] } ?? .nan })
      }
      let low = rows.flatMap(\.1).filter(\.isFinite).min() ?? 0
      let high = rows.flatMap(\.1).filter(\.isFinite).max() ?? 0
      var table = TextTable([
        .init("\(name) by step"), .init("first", .right), .init("last", .right), .init("course"),
      ])
      for (label, values) in rows {
        let known = values.filter(\.isFinite)
        table.add([
          label, TextChart.decimal(known.first ?? .nan), TextChart.decimal(known.last ?? .nan),
          TextChart.sparkline(values, width: 40, range: low...high),
        ])
      }
      output.print()
      output.print(table)
    }
  }

  private func printSteps() {
    let steps = statistics.steps
    guard steps.count > 1 else { return }
    let stride = (steps.count + Self.stepLines - 1) / Self.stepLines
    var table = TextTable([
      .init("step"), .init("groups", .right), .init("SFT", .right), .init("RL", .right),
      .init("dropped", .right), .init("accuracy", .right), .init("reward", .right),
      .init("tokens", .right),
    ])
    for start in Swift.stride(from: 0, to: steps.count, by: stride) {
      let slice = steps[start..<min(start + stride, steps.count)]
      table.add(Self.row(slice))
    }
    output.print()
    output.print(table)
  }

  /// The steps of a slice as one row, weighted by their groups.
  private static func row(_ steps: ArraySlice<RunStatistics.Step>) -> [String] {
    let groups = max(1, steps.reduce(0) { $0 + $1.part.groups })
    func share(_ fates: GroupSummary.Fate...) -> String {
      let count = steps.reduce(0) { sum, step in
        sum + fates.reduce(0) { $0 + (step.part.fates[$1.rawValue] ?? 0) }
      }
      return TextChart.percent(Double(count) / Double(groups))
    }
    func ratio(_ above: Double, _ below: Int, _ format: (Double) -> String) -> String {
      below == 0 ? "" : format(above / Double(below))
    }
    let first = steps.first?.step ?? 0
    let last = steps.last?.step ?? 0
    return [
      first == last ? "\(first)" : "\(first)-\(last)", "\(groups)", share(.imitated, .mixed),
      share(.reinforced, .mixed), share(.dropped),
      ratio(
        Double(steps.reduce(0) { $0 + $1.part.accuracy.solved }),
        steps.reduce(0) { $0 + $1.part.accuracy.rollouts }, TextChart.percent),
      ratio(
        steps.reduce(0) { $0 + $1.part.rewardSum }, steps.reduce(0) { $0 + $1.part.rewards },
        TextChart.decimal),
      ratio(
        Double(steps.reduce(0) { $0 + $1.part.lengths.total }),
        steps.reduce(0) { $0 + $1.part.lengths.count }, TextChart.decimal),
    ]
  }

  private func printAccuracy(_ title: String, _ parts: [String: RunStatistics.Accuracy]) {
    guard !parts.isEmpty else { return }
    var table = TextTable([
      .init(title, shrinks: true), .init("groups", .right), .init("solved", .right),
      .init("accuracy", .right),
    ])
    for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
      table.add([
        TerminalText.escaped(name), "\(part.groups)", "\(part.solved)/\(part.rollouts)",
        part.share.map(TextChart.percent) ?? "",
      ])
    }
    output.print()
    output.print(table)
  }

  private func printCounts(_ title: String, _ counts: [String: Int], _ unit: String) {
    guard !counts.isEmpty else { return }
    var table = TextTable([.init(title, shrinks: true), .init(unit, .right)])
    for (name, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      table.add([TerminalText.escaped(name), "\(count)"])
    }
    output.print()
    output.print(table)
  }

  private func printStorage() {
    var table = TextTable([.init("log"), .init("records", .right), .init("bytes", .right)])
    for log in statistics.storage where log.records > 0 {
      table.add([log.log, "\(log.records)", "\(log.bytes)"])
    }
    guard !table.isEmpty else { return }
    output.print()
    output.print(table)
  }
}

extension Distribution.Quantity {
  /// What it is taken of.
  fileprivate var owner: String { self == .accuracy ? "groups" : "rollouts" }
}

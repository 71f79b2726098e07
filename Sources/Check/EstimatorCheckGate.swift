import Estimator

// `gate.json`: the switch by counts, the switch by shares, and the tables of soft mixing.
extension EstimatorCheck {
  func gateCases() throws(GoldenProblem) -> [Case] {
    var cases: [Case] = []
    let known: Set = [
      "schema", "algorithm", "source", "notes", "switch", "fraction_form", "soft", "soft_notes",
      "tolerance", "metrics_tolerance", "precision", "hyperparameters",
    ]
    try refuseUnknown("table", in: file, known: known)
    for (index, row) in (try file["switch"]?.array() ?? []).enumerated() {
      cases.append(("switch \(index)", { try self.compareSwitch(row, &$0) }))
    }
    for (index, row) in (try file["fraction_form"]?.array() ?? []).enumerated() {
      cases.append(("fraction_form \(index)", { try self.compareShare(row, &$0) }))
    }
    for (index, row) in (try file["soft"]?.array() ?? []).enumerated() {
      cases.append(("soft \(index)", { try self.compareSoft(row, &$0) }))
    }
    return cases
  }

  private func compareSwitch(_ row: GoldenValue, _ comparison: inout GoldenComparison) throws {
    let count = try row.required("gate_count").integer()
    let gate = Gate(
      .switch, thresholdCount: count, thresholdOffCount: try row["gate_off_count"]?.integer())
    let decision = try decide(gate, row)
    let imitated = decision.demonstration == .imitated
    let removed = (0..<decision.total).filter { !decision.kept.contains($0) }
    for key in row.keys {
      let golden = try row.required(key)
      switch key {
      case "rewards", "gate_count", "gate_off_count": break
      case "rollouts": comparison.equal(key, decision.total, try golden.integer())
      case "gate_fraction_of_8":
        comparison.number(key, Double(count) / 8, try golden.number())
      case "rollouts_kept": comparison.equal(key, decision.kept, try golden.integers())
      case "rollouts_removed": comparison.equal(key, removed, try golden.integers())
      case "demonstrations_added":
        comparison.equal(key, imitated ? 1 : 0, try golden.integer())
      case "peer_tuple":
        // (rows to remove, rollouts to add, demonstrations to add). The peer's 8 is a flag, and −1
        // its lost mark for a demonstration between the two thresholds.
        let added = decision.rule == "switch_off_sft" ? -1 : (imitated ? 1 : 0)
        comparison.equal(key, [imitated ? 8 : 0, 0, added], try golden.integers())
      default: try compareDecision(key, decision, golden, &comparison)
      }
    }
  }

  private func compareShare(_ row: GoldenValue, _ comparison: inout GoldenComparison) throws {
    let gate = Gate(.switch, thresholdShare: try row.required("gamma").number())
    let decision = try decide(gate, row)
    for key in row.keys where key != "rewards" && key != "gamma" {
      try compareDecision(key, decision, try row.required(key), &comparison)
    }
  }

  /// The fields that a routing shares between `gate.json` and `hpt.json`.
  func compareDecision(
    _ key: String, _ decision: GateDecision, _ golden: GoldenValue,
    _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    switch key {
    case "solved": comparison.equal(key, decision.solved, try golden.integer())
    case "accuracy": comparison.number(key, decision.accuracy, try golden.number())
    case "alpha": comparison.number(key, decision.rolloutWeight, try golden.number())
    case "beta": comparison.number(key, decision.demonstrationWeight, try golden.number())
    case "decision":
      let ours = decision.demonstration == .imitated ? "sft" : "rl"
      comparison.equal(key, ours, try golden.string())
    default: throw GoldenProblem("the field \(key) of a decision is not understood")
    }
  }

  /// The decision about a group with these rewards and a demonstration.
  private func decide(_ gate: Gate, _ row: GoldenValue) throws -> GateDecision {
    try gate.validate()
    var memory: [Double] = []
    let rollouts = try row.required("rewards").numbers().map { GateRollout(reward: $0, tokens: 1) }
    return try gate.decide(
      GateInput(step: 0, rollouts: rollouts, demonstrations: 1), memory: &memory)
  }

  private func compareSoft(_ row: GoldenValue, _ comparison: inout GoldenComparison) throws {
    let table = try SoftMixTable(released: try row.required("soft_type").integer())
    let solved = try row.required("solved_including_demo").integer()
    guard table.rows.indices.contains(solved) else {
      throw GoldenProblem("the tables have no row for \(solved) solved")
    }
    let ours = table.rows[solved]
    for key in row.keys {
      let golden = try row.required(key)
      switch key {
      case "soft_type", "solved_including_demo": break
      case "on_policy_coef": comparison.number(key, ours.onPolicy, try golden.number())
      case "off_policy_coef": comparison.number(key, ours.offPolicy, try golden.number())
      case "sft_coef": comparison.number(key, ours.imitation, try golden.number())
      default: throw GoldenProblem("the field \(key) of a soft table is not understood")
      }
    }
  }
}

import Estimator
import Inspector
import Stages

/// The accuracy at or below which a group is imitated.
struct GateLine {
  /// γ; nil where the gate compares accuracies with none.
  var share: Double?
  var text: String

  init() { text = "no gate: an evaluation" }

  init(_ settings: RunSettings) {
    let gate = settings.algorithm.algorithm.gate
    guard gate.kind == .switch else {
      text = "the gate \(gate.kind.rawValue) has no line"
      return
    }
    if let threshold = gate.thresholdShare {
      share = threshold
      text = "P ≤ γ = \(TextChart.decimal(threshold)): SFT, else RL"
      return
    }
    let count = max(gate.thresholdCount, gate.thresholdOffCount ?? gate.thresholdCount)
    let rollouts = max(1, settings.rollout.count)
    share = Double(count) / Double(rollouts)
    text = "at most \(count) of \(rollouts) solved: SFT, else RL"
  }

  /// What counts as solved where no gate says: anything right.
  var solvedAbove: Double { share ?? 0 }
}

import Estimator
public import Policy
import Records

/// A critic with its moments, trained beside the policy on the returns of the loss batch.
public final class CriticTraining {
  public let model: Critic
  let moments: AdamWState
  private let term: ValueTerm
  private let settings: OptimizerSettings
  private let gradient: Gradient

  init(_ model: Critic, moments: AdamWState, term: ValueTerm, settings: OptimizerSettings) {
    self.model = model
    self.moments = moments
    self.term = term
    self.settings = settings
    gradient = Gradient(for: model)
  }

  func begin() { gradient.zero() }

  /// One pass over some groups of an update.
  func accumulate(
    _ groups: ArraySlice<TrainedGroup>, _ batch: TokenBatch, _ normalizers: Normalizers
  ) throws -> ValueTerm.Evaluation {
    let old = try Self.flat(groups) { group, row in
      group.loss.rows[row].kind == .rollout
        ? (group.trajectories[row].quantity(RecordedQuantity.value) ?? []).map(Double.init) : []
    }
    let returns = try Self.flat(groups) { $0.loss.rows[$1].returns }
    var evaluation: ValueTerm.Evaluation?
    try model.accumulate(groups.map(\.training), into: gradient) { values in
      let found = try term.evaluate(
        values: values.map(Double.init), old: old, returns: returns, of: batch,
        normalizers: normalizers)
      evaluation = found
      return found.gradient.map { Float($0) }
    }
    guard let evaluation else { preconditionFailure("the critic's pass asked for no weights") }
    return evaluation
  }

  /// Flat over the tokens; zeros for rows that have none.
  private static func flat(
    _ groups: ArraySlice<TrainedGroup>, _ values: (TrainedGroup, Int) -> [Double]
  ) throws -> [Double] {
    var all: [Double] = []
    for group in groups {
      for row in group.trajectories.indices {
        let count = group.trajectories[row].tokens.count
        let own = values(group, row)
        guard own.isEmpty || own.count == count else {
          throw StageError(
            .badData, at: "batches, group \(group.loss.group)",
            "row \(row) has \(own.count) values or returns for \(count) tokens",
            remedy: StageError.contradictionRemedy)
        }
        all += own.isEmpty ? Array(repeating: 0, count: count) : own
      }
    }
    return all
  }

  /// Clips and updates; an infinite norm is skipped.
  /// - Returns: the norm before clipping.
  func apply(learningRate: Double) -> Double {
    let norm = gradient.norm()
    if norm.isFinite {
      model.update(
        gradient, moments, settings: settings.adamW, learningRate: learningRate,
        gradientScale: Gradient.clippingCoefficient(
          norm: norm, maximumNorm: settings.gradientClip))
    }
    return norm
  }
}

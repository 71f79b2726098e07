import Estimator
import Policy
import Records

// What records of one group must agree on before a stage indexes one of them by what another says. Each
// is sound by itself: only a broken program, or one that was changed under the run, writes such records.

extension StageError {
  /// Records that disagree.
  static func disagreement(_ place: String, _ problem: String) -> StageError {
    StageError(
      .damaged, at: place, problem, remedy: contradictionRemedy)
  }
}

extension RolloutRecord {
  /// Asked by the verifier, the first that reads the rollouts.
  func requireAnswer(
    to prompt: PromptRecord, of group: GroupID, vocabulary: Int
  ) throws(StageError) {
    guard refusal != nil || rollouts.count == Int(prompt.rollouts) else {
      throw .disagreement(
        "rollouts/\(group)",
        "holds \(rollouts.count) rollouts, and its prompt asks for \(prompt.rollouts)")
    }
    for trajectory in rollouts + demonstrations + rejected {
      guard let bad = trajectory.tokens.first(where: { Int($0) >= vocabulary }) else { continue }
      throw .disagreement(
        "rollouts/\(group)", "names the token \(bad), and the tokenizer has \(vocabulary)")
    }
  }

  /// Asked by the gate, and by the assembler for every rollout that it names.
  func requireVerdicts(_ count: Int, of group: GroupID) throws(StageError) {
    guard count == rollouts.count else {
      throw .disagreement("verdicts/\(group)", "judges \(count) rollouts of \(rollouts.count)")
    }
  }
}

extension StepMember {
  /// Asked by the assembler.
  func requireAgreement() throws(StageError) {
    try rollouts.requireVerdicts(verdicts.verdicts.count, of: group)
    let judged = verdicts.demonstrations.count
    guard judged == 0 || judged == rollouts.demonstrations.count else {
      throw .disagreement(
        "verdicts/\(group)",
        "judges \(judged) demonstrations of \(rollouts.demonstrations.count)")
    }
    guard decision.total == rollouts.rollouts.count else {
      throw .disagreement(
        "decisions/\(group)",
        "counts \(decision.total) rollouts of \(rollouts.rollouts.count)")
    }
  }
}

extension Policy {
  /// Refuses stored token ids that the model does not have, by the record that holds them.
  func validate(_ training: TrainingGroup, of group: GroupID) throws {
    do { try validate([training]) } catch {
      guard error.code == .tokenOutOfRange else { throw error }
      throw StageError.disagreement("rollouts/\(group)", error.problem)
    }
  }
}

extension TrainedGroup {
  /// Whether a rollout that trains carries the KL anchor's log-probabilities.
  var isAnchored: Bool {
    zip(loss.rows, trajectories).contains { row, trajectory in
      row.kind == .rollout && trajectory.quantity(RecordedQuantity.anchor) != nil
    }
  }

  /// Refuses token ids that the model does not have, and rollouts without numbers that the loss would
  /// otherwise take for zeros.
  ///
  /// - Parameter anchored: whether rollouts of the same batch carry the KL anchor's. Where none does, the
  ///   estimator says what is to be recorded.
  func requireNumbers(_ policy: Policy, anchored: Bool) throws {
    try policy.validate(training, of: loss.group)
    for (row, trajectory) in zip(loss.rows, trajectories) where row.kind == .rollout {
      guard trajectory.logProbabilities.count == trajectory.tokens.count else {
        throw StageError.disagreement(
          "rollouts/\(loss.group)", "a rollout that trains carries no log-probabilities")
      }
      guard !anchored || trajectory.quantity(RecordedQuantity.anchor) != nil else {
        throw StageError.disagreement(
          "rollouts/\(loss.group)",
          "a rollout that trains carries no \(RecordedQuantity.anchor)")
      }
    }
  }
}

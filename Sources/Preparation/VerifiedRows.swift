public import Records
public import Shards
public import Stages
import Verifiers

/// Finds rows that their verifier can do nothing with: a ground truth that it cannot read, a demonstration
/// that it takes for wrong. Whoever trains on such rows never sees a reward, or imitates mistakes.
public struct VerifiedRows: RowExaminer {
  private let verifiers: VerifierTable

  public init(_ verifiers: VerifierTable) { self.verifiers = verifiers }

  public mutating func examine(
    _ row: Prompt, _ index: Int
  ) -> [(kind: DatasetCheck.Finding.Kind, problem: String)] {
    let verifier = verifiers.verifier(for: row.source)
    // The ground truth is its own answer wherever the verifier compares with it.
    let texts = row.demonstrations.isEmpty ? [row.groundTruth] : row.demonstrations
    var found: [(kind: DatasetCheck.Finding.Kind, problem: String)] = []
    for (place, text) in texts.enumerated() {
      let verdict = verifier.verify(response: text, prompt: row, finish: .stop)
      if case .error(let reason) = verdict.outcome {
        return [(.unverifiable, "\(verifier.name) comes to no verdict: \(reason.shortened)")]
      }
      if !row.demonstrations.isEmpty, !verdict.isRight {
        found.append(
          (
            .unacceptedDemonstration,
            "\(verifier.name) takes demonstration \(place) for wrong (\(verdict.rule))"
          ))
      }
    }
    return found
  }
}

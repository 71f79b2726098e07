import Foundation
public import Judges
import Queue
import Records

extension Run {
  /// Under this name the queue keeps what verdicts depend on beside the definition.
  private static let fingerprintsKey = "verifiers"

  /// Looks for what the verifiers need, and refuses to go on with another reward model than the run's
  /// first verdicts are of.
  func prepareVerifiers() throws {
    try verifiers.prepare()
    let found = verifiers.fingerprints.joined(separator: "\n")
    guard let known = try ledger.value(Self.fingerprintsKey) else {
      // Committed with the next records.
      if !found.isEmpty { ledger.setValue(Self.fingerprintsKey, Array(found.utf8)) }
      return
    }
    guard Array(found.utf8) == known else {
      throw StageError(
        .changed, at: directory.path,
        "what judges is \(found.isEmpty ? "nothing" : found.shortened), the run began with "
          + String(decoding: known, as: UTF8.self).shortened,
        remedy: "Put the reward model's directory back, or start another run.")
    }
  }
}

extension RunDirectory {
  /// What the replies of judges came to, those of evaluations included.
  public func judgeCosts() throws -> [JudgeCost] {
    let names =
      FileManager.default.fileExists(atPath: evaluations)
      ? try FileManager.default.contentsOfDirectory(atPath: evaluations).sorted() : []
    return try JudgementStore.costs(in: [path] + names.map { "\(evaluations)/\($0)" })
  }
}

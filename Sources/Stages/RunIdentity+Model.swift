import Definition
import Digest
import Foundation
import Operators
import Policy
import Records

extension RunIdentity {
  /// The places of a model and of a tokenizer may change, what they hold may not.
  func check(
    _ changes: [Change], _ settings: RunSettings, _ compute: Compute, at path: String
  ) throws {
    for change in changes {
      switch change.path {
      case "model.path":
        guard let folder = settings.model.path else { throw changed(change, path) }
        let found = hexadecimal(try StoredModel(opening: folder).weightsDigest())
        let wanted = base ?? model
        guard found == wanted else { throw changed(change, path, "weights", wanted, found) }
      case "model.tokenizer":
        guard case .random(let folder)? = settings.model.origin else {
          throw changed(change, path)
        }
        let found = try DurableFile.sha256(of: folder + "/tokenizer.json")
        guard found == tokenizer else {
          throw changed(change, path, "tokenizer", tokenizer, found)
        }
      case "model.pretrain": throw changed(change, path)
      case "model.anchor":
        guard let folder = settings.model.anchor else { throw changed(change, path) }
        let found = hexadecimal(try settings.policy(in: folder, compute).weightsDigest())
        let wanted = anchor ?? base ?? model
        guard found == wanted else { throw changed(change, path, "anchor", wanted, found) }
      default: break
      }
    }
  }

  private func changed(
    _ change: Change, _ path: String, _ what: String = "", _ old: String = "", _ new: String = ""
  ) -> StageError {
    let difference =
      what.isEmpty
      ? "the run has its initial weights already"
      : "its \(what) is \(new.prefix(12))…, the run began with \(old.prefix(12))…"
    return StageError(
      .changed, at: path, "\(change.path) was \(change.old) and is \(change.new): \(difference)",
      remedy: "Set it back, or start another run with `pipeline run`.")
  }
}

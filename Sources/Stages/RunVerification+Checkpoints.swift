import Digest
import Files
import Foundation
import Queue
import Records

/// A checkpoint's folder against the pointer that the queue keeps, read without loading a weight.
struct CheckpointExamination {
  /// What is wrong with it; nil: nothing.
  private(set) var problem: String?
  /// As `state.json` names it; empty where that cannot be read.
  private(set) var weightsDigest = ""

  /// - Parameter hashes: read every byte; else names and lengths alone, the manifest's own hash, and
  ///   `state.json`.
  init(of folder: String, _ pointer: CheckpointStore.Pointer, hashes: Bool) {
    do {
      problem = try examine(folder, pointer, hashes: hashes)
    } catch let error as CheckpointFiles.FlawError {
      let name = PathParts.name(of: error.flaw.path)
      problem = "its \(name): \(error.flaw.problem)"
    } catch let error as StageError {
      problem = "\(PathParts.name(of: error.location)): \(error.problem)"
    } catch { problem = "its files cannot be looked at: \(error.localizedDescription)" }
  }

  private mutating func examine(
    _ folder: String, _ pointer: CheckpointStore.Pointer, hashes: Bool
  ) throws -> String? {
    let manager = FileManager.default
    for entry in try CheckpointFiles.entries(of: folder, manifest: pointer.manifest).get() {
      let path = "\(folder)/\(entry.name)"
      guard manager.fileExists(atPath: path) else { return "\(entry.name) is not there" }
      let size = (try manager.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
      guard size == entry.bytes else { return "\(entry.name) has \(size) bytes, of \(entry.bytes)" }
      if hashes, try DurableFile.sha256(of: path) != entry.sha256 {
        return "the \(size) bytes of \(entry.name) are not those that the manifest names"
      }
    }
    let state = try CheckpointFiles.readState(of: folder)
    guard state.step == pointer.step else { return "its state.json is of step \(state.step)" }
    weightsDigest = state.weightsDigest
    return nil
  }
}

/// Checkpoint pointers against what lies on the disk. Hashing every byte of the weights is
/// `pipeline checkpoint verify`.
extension RunVerification {
  mutating func checkCheckpoints(_ survey: RecordSurvey) throws {
    report.begin("checkpoints")
    guard directory.exists else { return }
    let pointers: [CheckpointStore.Pointer]
    do {
      pointers = try CheckpointStore.pointers(Ledger(queue: queue))
    } catch let error as any DescribedError where error.exitStatus == .corrupt {
      // Found with the tables.
      return
    }
    report.require(!pointers.isEmpty, "state/checkpoints", "the queue names no checkpoint")
    for pointer in pointers {
      report.count()
      let folder = directory.checkpoint(pointer.step)
      let examined = CheckpointExamination(of: folder, pointer, hashes: false)
      var problem = examined.problem
      if problem == nil, pointer.step > 0, let update = survey.updates[pointer.step - 1],
        hexadecimal(update.weightsDigest) != examined.weightsDigest
      {
        problem = "its weights are not those that the run logged for step \(pointer.step)"
      }
      // It may have been dropped while the records were read.
      guard let problem,
        try CheckpointStore.pointers(Ledger(queue: queue)).contains(pointer)
      else { continue }
      report.find(
        folder, problem,
        remedy: "Run `pipeline checkpoint restore \(directory.path) \(pointer.step)`.")
    }
  }
}

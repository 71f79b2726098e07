import Digest
import Foundation
public import Queue
import Records

/// A checkpoint as it stands on disk.
public struct CheckpointReport: Sendable, Equatable, Encodable {
  /// A file that is not what it should be, and why.
  public struct Flaw: Sendable, Equatable, Encodable {
    public var path: String
    public var problem: String
  }

  public var step: UInt64
  public var path: String
  /// Of all files of the folder.
  public var bytes: Int
  /// Optimizer updates that its weights have seen; nil where `state.json` cannot be read.
  public var updates: UInt64?
  /// SHA-256 over its f32 tensors, as the run logged it.
  public var weightsDigest: String
  /// Whether training can go on from it: not before the run's base.
  public var replays: Bool
  public var flaws: [Flaw]
  public var isWhole: Bool { flaws.isEmpty }

  private enum CodingKeys: String, CodingKey {
    case step, path, bytes, updates, weightsDigest, replays, flaws, isWhole
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(step, forKey: .step)
    try container.encode(path, forKey: .path)
    try container.encode(bytes, forKey: .bytes)
    try container.encodeIfPresent(updates, forKey: .updates)
    try container.encode(weightsDigest, forKey: .weightsDigest)
    try container.encode(replays, forKey: .replays)
    try container.encode(flaws, forKey: .flaws)
    try container.encode(isWhole, forKey: .isWhole)
  }
}

extension CheckpointStore {
  /// The checkpoints that the queue of a run names, ascending; every file compared with its manifest,
  /// and the digest in `state.json` with the run's log. Reading only.
  public func reports(_ queue: Queue) throws -> [CheckpointReport] {
    let ledger = Ledger(queue: queue)
    let identity = try RunIdentity(encoded: queue.identity, at: queue.folder)
    let base = try ledger.base.step
    return try Self.pointers(ledger).map { pointer in
      let folder = directory.checkpoint(pointer.step)
      let logged = hexadecimal(try identity.digests(version: pointer.step, ledger).policy)
      var flaws = flaws(of: pointer)
      let state = CheckpointFiles.readableState(of: folder)
      if flaws.isEmpty, state?.weightsDigest != logged {
        flaws.append(
          .init(
            path: "\(folder)/\(CheckpointFiles.state)",
            problem: "its weights are not those that the run logged for step \(pointer.step)"))
      }
      return CheckpointReport(
        step: pointer.step, path: folder, bytes: Self.bytes(in: folder),
        updates: state?.adamUpdates, weightsDigest: logged,
        replays: pointer.step >= base,
        flaws: flaws.map { .init(path: $0.path, problem: $0.problem) })
    }
  }

  private static func bytes(in folder: String) -> Int {
    guard let names = FileManager.default.enumerator(atPath: folder) else { return 0 }
    var bytes = 0
    while names.nextObject() != nil {
      guard names.fileAttributes?[.type] as? FileAttributeType == .typeRegular else { continue }
      bytes += (names.fileAttributes?[.size] as? NSNumber)?.intValue ?? 0
    }
    return bytes
  }
}

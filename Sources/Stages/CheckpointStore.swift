import Digest
import Foundation
import Operators
import Policy
import Queue
import Records

/// The checkpoints of a run: folders that exist from the moment their pointer is committed.
///
/// A folder is written under a temporary name, synced file by file, closed with a manifest of
/// lengths and SHA-256, renamed, and only then named by a pointer in the queue. A folder without a
/// pointer is rubbish of a killed process and is removed at the next start.
public struct CheckpointStore {
  /// Which checkpoints the queue knows, ascending by step.
  struct Pointer: Equatable {
    var step: UInt64
    /// SHA-256 of the folder's MANIFEST.json.
    var manifest: [UInt8]
  }

  static let key = "checkpoints"
  let directory: RunDirectory
  /// How many to keep beside step 0.
  private let kept: Int

  public init(directory: RunDirectory, kept: Int) {
    self.directory = directory
    self.kept = kept
  }

  // MARK: Pointers

  static func pointers(_ ledger: Ledger) throws -> [Pointer] {
    guard let bytes = try ledger.value(key) else { return [] }
    var reader = ByteReader(bytes)
    let pointers = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      Pointer(step: try reader.uint64(), manifest: try reader.raw())
    }
    try reader.expectEnd()
    return pointers
  }

  static func stored(_ pointers: [Pointer]) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(array: pointers) {
      $0.put($1.step)
      $0.put($1.manifest)
    }
    return writer.bytes
  }

  func setPointers(_ pointers: [Pointer], _ ledger: Ledger) throws {
    ledger.setValue(Self.key, Self.stored(pointers.sorted { $0.step < $1.step }))
    try ledger.commit()
    try ledger.queue.writeHeadRecord()
  }

  /// The newest step of which a checkpoint exists.
  public func newestStep(_ ledger: Ledger) throws -> UInt64? {
    try Self.pointers(ledger).last?.step
  }

  /// The steps of which checkpoints exist, ascending.
  public func steps(_ ledger: Ledger) throws -> [UInt64] { try Self.pointers(ledger).map(\.step) }

  // MARK: Writing

  /// What a checkpoint is made of.
  struct Content {
    var policy: Policy
    var moments: AdamWState
    var critic: (model: Critic, moments: AdamWState)?
    /// A model directory whose tokenizer files are copied.
    var tokenizer: String
  }

  /// Saves the weights after `step` committed steps, and drops what is over the number to keep.
  func save(step: UInt64, _ content: Content, _ ledger: Ledger) throws {
    let pointers = try Self.pointers(ledger)
    guard !pointers.contains(where: { $0.step == step }) else { return }
    let (temporary, manifest) = try build(step, content)
    try replace(step, by: temporary)
    let all = pointers + [Pointer(step: step, manifest: SHA256.hash(manifest))]
    try setPointers(all, ledger)
    try prune(keeping: kept, ledger)
  }

  /// Writes a checkpoint's files under a temporary name, synced and closed with their manifest.
  func build(
    _ step: UInt64, _ content: Content
  ) throws -> (temporary: String, manifest: [UInt8]) {
    let temporary = try emptyFolder(for: step)
    let policy = content.policy
    try PolicyFiles.write(policy, to: temporary, tokenizerFrom: content.tokenizer)
    try CheckpointFiles.write(content.moments, of: policy.trainedTensors, to: temporary)
    var state = CheckpointFiles.State(
      step: step, adamUpdates: content.moments.updates,
      weightsDigest: hexadecimal(policy.weightsDigest()))
    if let (critic, moments) = content.critic {
      let folder = RunDirectory.critic(in: temporary)
      try critic.write(to: folder)
      try CheckpointFiles.write(moments, of: critic.configuration.parameters, to: folder)
      try DurableFile.syncFolder(folder)
      state.criticUpdates = moments.updates
      state.criticDigest = hexadecimal(critic.weightsDigest())
    }
    try DurableFile.writeAndSync(
      try JSONLine.encode(state), to: temporary + "/" + CheckpointFiles.state)
    let manifest = try JSONLine.encode(try CheckpointFiles.entries(of: temporary))
    try DurableFile.writeAndSync(manifest, to: temporary + "/" + CheckpointFiles.manifest)
    try DurableFile.syncFolder(temporary)
    return (temporary, manifest)
  }

  func emptyFolder(for step: UInt64) throws -> String {
    let temporary = "\(directory.checkpoints)/tmp-\(step)-\(getpid())"
    try removeFolder(temporary)
    try DurableFile.createFolder(temporary)
    return temporary
  }

  /// Puts a folder that is whole in the place of a checkpoint's.
  func replace(_ step: UInt64, by temporary: String) throws {
    try removeFolder(directory.checkpoint(step))
    try DurableFile.rename(temporary, to: directory.checkpoint(step))
  }

  // MARK: Removing

  /// Drops all but the newest `count` checkpoints; step 0 stays beside them. Pointers go first,
  /// folders second: a pointer never names what is gone.
  /// - Returns: the steps that went.
  @discardableResult
  func prune(keeping count: Int, _ ledger: Ledger) throws -> [UInt64] {
    let pointers = try Self.pointers(ledger)
    let dropped = pointers.filter { $0.step > 0 }.dropLast(count)
    guard !dropped.isEmpty else { return [] }
    try setPointers(pointers.filter { !dropped.contains($0) }, ledger)
    for pointer in dropped { try removeFolder(directory.checkpoint(pointer.step)) }
    return dropped.map(\.step)
  }

  /// Removes folders that a killed process left without a pointer.
  func removeRubbish(_ ledger: Ledger) throws {
    let known = Set(try Self.pointers(ledger).map { "\($0.step)" })
    let manager = FileManager.default
    guard manager.fileExists(atPath: directory.checkpoints) else { return }
    for name in try manager.contentsOfDirectory(atPath: directory.checkpoints)
    where name.hasPrefix("tmp-") || (UInt64(name) != nil && !known.contains(name)) {
      try removeFolder("\(directory.checkpoints)/\(name)")
    }
  }

  func removeFolder(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    try FileManager.default.removeItem(atPath: path)
  }
}

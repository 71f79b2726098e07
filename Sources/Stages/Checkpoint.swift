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

  /// What a checkpoint holds beside the model directory.
  struct State: Codable, Equatable {
    var step: UInt64
    var adamUpdates: UInt64
    var weightsDigest: String
    /// Of the critic, where there is one.
    var criticUpdates: UInt64?
    var criticDigest: String?

    private enum CodingKeys: String, CodingKey {
      case step
      case adamUpdates = "adam_updates"
      case weightsDigest = "weights_digest"
      case criticUpdates = "critic_updates"
      case criticDigest = "critic_digest"
    }
  }

  private struct ManifestEntry: Codable {
    var name: String
    var bytes: Int
    var sha256: String
  }

  private static let key = "checkpoints"
  private let directory: RunDirectory
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

  private func setPointers(_ pointers: [Pointer], _ ledger: Ledger) throws {
    var writer = ByteWriter()
    writer.put(array: pointers) {
      $0.put($1.step)
      $0.put($1.manifest)
    }
    ledger.setValue(Self.key, writer.bytes)
    try ledger.commit()
    try ledger.queue.writeHeadRecord()
  }

  /// The newest step of which a checkpoint exists.
  public func newestStep(_ ledger: Ledger) throws -> UInt64? {
    try Self.pointers(ledger).last?.step
  }

  // MARK: Writing

  /// Saves the policy, and its critic, after `step` committed steps, and drops what is over the number
  /// to keep.
  func save(
    step: UInt64, policy: Policy, moments: AdamWState, critic: (Critic, AdamWState)? = nil,
    tokenizer: String, _ ledger: Ledger
  ) throws {
    var pointers = try Self.pointers(ledger)
    guard !pointers.contains(where: { $0.step == step }) else { return }
    let temporary = "\(directory.checkpoints)/tmp-\(step)-\(getpid())"
    try removeFolder(temporary)
    try DurableFile.createFolder(temporary)
    try ModelDirectory.write(
      policy.configuration, parameters: policy.parameters, to: temporary, tokenizerFrom: tokenizer)
    try Self.write(moments, of: policy.configuration, to: temporary)
    var state = State(
      step: step, adamUpdates: moments.updates,
      weightsDigest: hexadecimal(policy.weightsDigest()))
    if let (critic, moments) = critic {
      let folder = RunDirectory.critic(in: temporary)
      try critic.write(to: folder)
      try Self.write(moments, of: critic.configuration, to: folder)
      try DurableFile.syncFolder(folder)
      state.criticUpdates = moments.updates
      state.criticDigest = hexadecimal(critic.weightsDigest())
    }
    try DurableFile.writeAndSync(try JSONLine.encode(state), to: temporary + "/state.json")
    let manifest = try JSONLine.encode(try Self.entries(of: temporary))
    try DurableFile.writeAndSync(manifest, to: temporary + "/MANIFEST.json")
    try DurableFile.syncFolder(temporary)
    try removeFolder(directory.checkpoint(step))
    try DurableFile.rename(temporary, to: directory.checkpoint(step))

    pointers.append(Pointer(step: step, manifest: SHA256.hash(manifest)))
    pointers.sort { $0.step < $1.step }
    try setPointers(pointers, ledger)
    try prune(pointers, ledger)
  }

  /// Pointers go first, folders second: a pointer never names what is gone.
  private func prune(_ pointers: [Pointer], _ ledger: Ledger) throws {
    let later = pointers.filter { $0.step > 0 }
    let dropped = later.dropLast(kept)
    guard !dropped.isEmpty else { return }
    try setPointers(pointers.filter { !dropped.contains($0) }, ledger)
    for pointer in dropped { try removeFolder(directory.checkpoint(pointer.step)) }
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

  private func removeFolder(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    try FileManager.default.removeItem(atPath: path)
  }

  private static func entries(of folder: String) throws -> [ManifestEntry] {
    let critic = RunDirectory.critic(in: folder)
    let manager = FileManager.default
    let hasCritic = manager.fileExists(atPath: critic)
    let inside = hasCritic ? try manager.contentsOfDirectory(atPath: critic) : []
    let names = try manager.contentsOfDirectory(atPath: folder) + inside.map { "critic/\($0)" }
    return try names.sorted().filter { $0 != "MANIFEST.json" && $0 != "critic" }
      .map { name in
        let bytes = try DurableFile.read("\(folder)/\(name)")
        return ManifestEntry(
          name: name, bytes: bytes.count, sha256: hexadecimal(SHA256.hash(bytes)))
      }
  }

  // MARK: Reading

  /// A checkpoint as loaded, every file compared with its manifest before anything is used.
  struct Loaded {
    var state: State
    var policy: Policy
    var moments: AdamWState
    var critic: (model: Critic, moments: AdamWState)?
  }

  func loadNewest(_ ledger: Ledger, compute: Compute) throws -> Loaded {
    guard let pointer = try Self.pointers(ledger).last else {
      throw StageError(
        .badRun, at: directory.path, "the run has no checkpoint",
        remedy: "Start it again in a new directory with `pipeline run`.")
    }
    let folder = directory.checkpoint(pointer.step)
    try verify(folder, pointer)
    let state = try JSONDecoder().decode(
      State.self, from: Data(try DurableFile.read(folder + "/state.json")))
    let (configuration, parameters) = try ModelDirectory.read(folder)
    let policy = try Policy(
      configuration: configuration, parameters: parameters, compute: compute)
    let (first, second) = try moments(in: folder, of: configuration)
    var loaded = Loaded(
      state: state, policy: policy,
      moments: try AdamWState(
        for: policy, first: first, second: second, updates: state.adamUpdates))
    if let updates = state.criticUpdates {
      let place = RunDirectory.critic(in: folder)
      let critic = try Critic(in: place, compute: compute)
      let (first, second) = try moments(in: place, of: critic.configuration)
      loaded.critic = (
        critic, try AdamWState(for: critic, first: first, second: second, updates: updates)
      )
    }
    return loaded
  }

  /// Adam's moments as a safetensors file of their own: `first.NAME` and `second.NAME`.
  private static func momentTensors(_ configuration: ModelConfiguration) -> [TensorShape] {
    ["first", "second"].flatMap { moment in
      configuration.parameters.map {
        TensorShape(name: "\(moment).\($0.name)", shape: $0.shape)
      }
    }
  }

  private static func write(
    _ moments: AdamWState, of configuration: ModelConfiguration, to folder: String
  ) throws {
    try SafetensorsWriter.write(
      momentTensors(configuration), values: moments.first + moments.second,
      to: folder + "/optimizer.safetensors")
  }

  private func moments(
    in folder: String, of configuration: ModelConfiguration
  ) throws -> (first: [Float], second: [Float]) {
    let path = folder + "/optimizer.safetensors"
    let file = try SafetensorsFile(path: path)
    var values: [Float] = []
    values.reserveCapacity(2 * configuration.parameterCount)
    for wanted in Self.momentTensors(configuration) {
      guard let tensor = file.tensor(named: wanted.name), tensor.shape == wanted.shape else {
        throw damaged(path, "\(wanted.name) is missing or has another shape")
      }
      values += try file.floats(of: tensor)
    }
    let count = configuration.parameterCount
    return (Array(values[..<count]), Array(values[count...]))
  }

  private func verify(_ folder: String, _ pointer: Pointer) throws {
    let manifest = try DurableFile.read(folder + "/MANIFEST.json")
    guard SHA256.hash(manifest) == pointer.manifest else {
      throw damaged(folder + "/MANIFEST.json", "it is not the manifest that the queue names")
    }
    let entries = try JSONDecoder().decode([ManifestEntry].self, from: Data(manifest))
    for entry in entries {
      let path = "\(folder)/\(entry.name)"
      let bytes = try DurableFile.read(path)
      guard bytes.count == entry.bytes, hexadecimal(SHA256.hash(bytes)) == entry.sha256 else {
        throw damaged(path, "its \(bytes.count) bytes are not those the manifest names")
      }
    }
  }

  private func damaged(_ path: String, _ problem: String) -> StageError {
    StageError(
      .damaged, at: path, problem,
      remedy: "Restore the folder from a copy, or start again in a new run directory.")
  }
}

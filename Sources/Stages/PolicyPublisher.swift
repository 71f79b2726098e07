import Foundation
public import Operators
import Policy
import Queue
import Records

/// Hands policy versions, and the critics of the same version, to stages in other processes: model
/// directories or adapters under `policy/<version>/`, the critic in its folder `critic`.
///
/// A version is published before its step is committed, so that whoever sees the commit finds the
/// weights. A folder appears whole and durable, by rename, and stays what it is: whoever starts the
/// optimizer again must not take it from under a reader.
public struct PolicyPublisher {
  private let directory: RunDirectory
  /// Versions that stay: the newest, and as many before it as rollouts may lag.
  private let kept: Int

  public init(directory: RunDirectory, kept: Int) {
    self.directory = directory
    self.kept = kept
  }

  func publish(_ policy: Policy, _ critic: Critic?, version: UInt64) throws {
    let target = directory.policy(version)
    if !Self.holds(target, policy, critic) {
      let temporary = "\(directory.policies)/tmp-\(version)-\(getpid())"
      try remove(temporary)
      try DurableFile.createFolder(temporary)
      try PolicyFiles.write(policy, to: temporary)
      if let critic { try critic.write(to: RunDirectory.critic(in: temporary)) }
      // The critic's folder has its name in there.
      try DurableFile.syncFolder(temporary)
      // Something else than these weights: damage.
      try remove(target)
      try DurableFile.rename(temporary, to: target)
    }
    try removeOld(newest: version)
  }

  /// Whether a folder has these very weights.
  private static func holds(_ folder: String, _ policy: Policy, _ critic: Critic?) -> Bool {
    guard FileManager.default.fileExists(atPath: folder), PolicyFiles.hold(policy, in: folder)
    else { return false }
    guard let critic else { return true }
    do {
      let stored = try StoredModel(opening: RunDirectory.critic(in: folder))
      return try stored.configuration == critic.configuration && stored.holds(critic.values)
    } catch { return false }
  }

  private func remove(_ folder: String) throws {
    guard FileManager.default.fileExists(atPath: folder) else { return }
    try FileManager.default.removeItem(atPath: folder)
  }

  /// Publishes a version on the way to `newest` that rollouts may ask for, where it is not whole.
  func publishMissing(
    _ policy: Policy, _ critic: Critic?, version: UInt64, newest: UInt64
  ) throws {
    guard version < newest, version + UInt64(kept) > newest else { return }
    try publish(policy, critic, version: version)
  }

  private func removeOld(newest: UInt64) throws {
    let manager = FileManager.default
    for name in try manager.contentsOfDirectory(atPath: directory.policies) {
      if let version = UInt64(name), version + UInt64(kept) <= newest {
        try manager.removeItem(atPath: directory.policy(version))
      }
    }
  }
}

extension Critic {
  /// Writes a model directory of its own, which must not be there yet.
  func write(to folder: String) throws {
    try DurableFile.createFolder(folder)
    try ModelDirectory.write(configuration, to: folder, values: values)
  }
}

/// Policy versions as another process published them.
public final class PublishedPolicies: PolicySource {
  /// What the logs say of a version's weights.
  public struct Digests: Sendable, Equatable {
    public var policy: [UInt8]
    /// Empty where no critic is trained.
    public var critic: [UInt8]

    public init(policy: [UInt8], critic: [UInt8] = []) {
      self.policy = policy
      self.critic = critic
    }
  }

  private let directory: RunDirectory
  private let compute: Compute
  private let base: BaseModel?
  private let digests: (UInt64) throws -> Digests
  private var loaded: (version: UInt64, policy: SourcedPolicy)?

  /// - Parameter base: what published adapters stand on; nil where all weights are published.
  public init(
    directory: RunDirectory, compute: Compute, base: BaseModel? = nil,
    digests: @escaping (UInt64) throws -> Digests
  ) {
    self.directory = directory
    self.compute = compute
    self.base = base
    self.digests = digests
  }

  public func policy(version: UInt64, loaded isNeeded: Bool) throws -> SourcedPolicy? {
    guard isNeeded else { return SourcedPolicy(weightsDigest: [], policy: nil) }
    if let loaded, loaded.version == version { return loaded.policy }
    let places = [directory.policy(version), directory.checkpoint(version)]
    guard let path = places.first(where: FileManager.default.fileExists(atPath:)) else {
      return nil
    }
    let wanted = try digests(version)
    let start = directory.checkpoint(0)
    // Whatever is wrong with the base is no damage of the version.
    _ = try base?.policy()
    let policy = try model(in: path, like: start) {
      try PolicyFiles.read(path, on: base, compute)
    }
    let found = policy.weightsDigest()
    try check(found, wanted.policy, path, version)
    var critic: Critic?
    if !wanted.critic.isEmpty {
      let folder = RunDirectory.critic(in: path)
      let held = try model(in: folder, like: RunDirectory.critic(in: start)) {
        try Critic(StoredModel(opening: folder), compute: compute)
      }
      try check(held.weightsDigest(), wanted.critic, folder, version)
      critic = held
    }
    let sourced = SourcedPolicy(weightsDigest: found, policy: policy, critic: critic)
    loaded = (version, sourced)
    return sourced
  }

  /// The model in a published folder. Its weights have a digest in the logs; its configuration has
  /// none there, and one wrong digit in it makes another model of the same weights: it must be that
  /// of the initial checkpoint, which is compared with its manifest at every opening.
  private func model<Model>(
    in folder: String, like start: String, read: () throws -> Model
  ) throws -> Model {
    do {
      if try ModelDirectory.configuration(at: folder) == ModelDirectory.configuration(at: start) {
        return try read()
      }
    } catch let error as ModelDirectoryError {
      throw damaged(error.location, error.problem)
    }
    throw damaged(folder + "/config.json", "it describes another model than \(start)")
  }

  private func damaged(_ path: String, _ problem: String) -> StageError {
    StageError(
      .damaged, at: path, problem,
      remedy: "Remove the version's folder and run the optimizer stage, which publishes it again.")
  }

  private func check(
    _ found: [UInt8], _ wanted: [UInt8], _ path: String, _ version: UInt64
  ) throws {
    guard found == wanted else {
      throw damaged(path, "its weights are not those that the run logged for version \(version)")
    }
  }
}

/// The weights that the optimizer of this process holds, and versions before them from disk.
public final class LivePolicies: PolicySource {
  private let optimizer: Optimizer
  private let published: PublishedPolicies

  public init(optimizer: Optimizer, published: PublishedPolicies) {
    self.optimizer = optimizer
    self.published = published
  }

  public func policy(version: UInt64, loaded: Bool) throws -> SourcedPolicy? {
    guard loaded else { return SourcedPolicy(weightsDigest: [], policy: nil) }
    guard version == optimizer.version else {
      return try published.policy(version: version, loaded: true)
    }
    return SourcedPolicy(
      weightsDigest: optimizer.weightsDigest, policy: optimizer.policy,
      critic: optimizer.critic?.model)
  }
}

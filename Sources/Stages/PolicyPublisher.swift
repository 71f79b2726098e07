import Foundation
public import Operators
import Policy
import Records

/// Puts policy versions where stages of other processes find them: `policy/<version>/`.
///
/// A version is published before its step is committed, so that whoever sees the commit finds the
/// weights. A folder appears whole, by rename; publishing it again writes the same bytes.
public struct PolicyPublisher {
  private let directory: RunDirectory
  /// Versions that stay: the newest, and as many before it as rollouts may lag.
  private let kept: Int

  public init(directory: RunDirectory, kept: Int) {
    self.directory = directory
    self.kept = kept
  }

  func publish(_ policy: Policy, version: UInt64) throws {
    let temporary = "\(directory.policies)/tmp-\(version)-\(getpid())"
    let target = directory.policy(version)
    let manager = FileManager.default
    for folder in [temporary, target] where manager.fileExists(atPath: folder) {
      try manager.removeItem(atPath: folder)
    }
    try DurableFile.createFolder(temporary)
    try ModelDirectory.write(
      policy.configuration, parameters: policy.parameters, to: temporary)
    try DurableFile.rename(temporary, to: target)
    try removeOld(newest: version)
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

/// Policy versions as another process published them.
public final class PublishedPolicies: PolicySource {
  private let directory: RunDirectory
  private let compute: Compute
  /// The digest that the logs name for a version.
  private let digest: (UInt64) throws -> [UInt8]
  private var loaded: (version: UInt64, policy: SourcedPolicy)?

  public init(
    directory: RunDirectory, compute: Compute, digest: @escaping (UInt64) throws -> [UInt8]
  ) {
    self.directory = directory
    self.compute = compute
    self.digest = digest
  }

  public func policy(version: UInt64, loaded isNeeded: Bool) throws -> SourcedPolicy? {
    guard isNeeded else { return SourcedPolicy(weightsDigest: [], policy: nil) }
    if let loaded, loaded.version == version { return loaded.policy }
    let places = [directory.policy(version), directory.checkpoint(version)]
    guard let path = places.first(where: FileManager.default.fileExists(atPath:)) else {
      return nil
    }
    let (configuration, parameters) = try ModelDirectory.read(path)
    let policy = try Policy(configuration: configuration, parameters: parameters, compute: compute)
    let found = policy.weightsDigest()
    guard found == (try digest(version)) else {
      throw StageError(
        .damaged, at: path, "its weights are not those that the run logged for version \(version)",
        remedy: "Remove the folder and run the optimizer stage, which publishes it again.")
    }
    let sourced = SourcedPolicy(weightsDigest: found, policy: policy)
    loaded = (version, sourced)
    return sourced
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
    return SourcedPolicy(weightsDigest: optimizer.weightsDigest, policy: optimizer.policy)
  }
}

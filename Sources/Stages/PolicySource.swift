public import Policy
import Records

/// A policy version as a stage gets it.
public struct SourcedPolicy {
  /// SHA-256 over the f32 tensors in name order; empty where no weights were asked for.
  public var weightsDigest: [UInt8]
  /// The weights, ready to compute; nil where none were asked for.
  public var policy: Policy?
  /// The critic of the same version, where the algorithm trains one.
  public var critic: Critic?

  public init(weightsDigest: [UInt8], policy: Policy?, critic: Critic? = nil) {
    self.weightsDigest = weightsDigest
    self.policy = policy
    self.critic = critic
  }
}

/// Where the rollout generator gets the exact version that must answer a step.
public protocol PolicySource {
  /// The version, or nil as long as it is not to be had.
  /// - Parameter loaded: whether weights are needed; a chunk of plain SFT needs none.
  func policy(version: UInt64, loaded: Bool) throws -> SourcedPolicy?
}

/// One fixed policy, whatever the version: for evaluations.
public struct FixedPolicy: PolicySource {
  private let sourced: SourcedPolicy

  public init(_ policy: Policy) {
    sourced = SourcedPolicy(weightsDigest: policy.weightsDigest(), policy: policy)
  }

  public func policy(version: UInt64, loaded: Bool) -> SourcedPolicy? { sourced }
}

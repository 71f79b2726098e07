import Operators

/// Settings of AdamW (arXiv 1711.05101); the learning rate comes with each update.
public struct AdamWSettings: Sendable, Equatable {
  public var beta1: Double
  public var beta2: Double
  /// Added to the root of the second moment.
  public var adamEpsilon: Double
  /// Decoupled, on every parameter, norms and biases included, as `torch.optim.AdamW` has it.
  public var weightDecay: Double

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, adamEpsilon: Double = 1e-8,
    weightDecay: Double = 0
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.adamEpsilon = adamEpsilon
    self.weightDecay = weightDecay
  }
}

/// The moments of AdamW for one policy or critic, and the number of updates they have seen.
public final class AdamWState: @unchecked Sendable {
  let firstTensor: Tensor
  let secondTensor: Tensor
  /// Updates done; the next one is number `updates + 1` in the bias correction.
  public private(set) var updates: UInt64

  /// Zeros, no update done.
  public convenience init(for policy: Policy) { self.init(policy.transformer) }

  /// Zeros, no update done.
  public convenience init(for critic: Critic) { self.init(critic.transformer) }

  private init(_ model: Transformer) {
    firstTensor = Tensor(count: model.weights.count, compute: model.compute)
    secondTensor = Tensor(count: model.weights.count, compute: model.compute)
    updates = 0
  }

  /// The state that a checkpoint holds.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public convenience init(
    for policy: Policy, first: [Float], second: [Float], updates: UInt64
  ) throws(PolicyError) {
    try self.init(policy.transformer, first: first, second: second, updates: updates)
  }

  /// The state that a checkpoint holds.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public convenience init(
    for critic: Critic, first: [Float], second: [Float], updates: UInt64
  ) throws(PolicyError) {
    try self.init(critic.transformer, first: first, second: second, updates: updates)
  }

  private init(_ model: Transformer, first: [Float], second: [Float], updates: UInt64)
    throws(PolicyError)
  {
    let count = model.weights.count
    guard first.count == count else {
      throw .wrongSize("first moments", count: first.count, expected: count)
    }
    guard second.count == count else {
      throw .wrongSize("second moments", count: second.count, expected: count)
    }
    firstTensor = Tensor(first, compute: model.compute)
    secondTensor = Tensor(second, compute: model.compute)
    self.updates = updates
  }

  /// A copy of the first moments, in the order of the parameters.
  public var first: [Float] { firstTensor.values }
  /// A copy of the second moments.
  public var second: [Float] { secondTensor.values }

  /// The number of the update that is about to be done.
  func advance() -> UInt64 {
    updates += 1
    return updates
  }
}

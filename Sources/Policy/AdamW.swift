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

  /// One of the two running means that an update reads and writes.
  public enum Moment: String, Sendable, CaseIterable {
    /// Of the gradient.
    case first
    /// Of its square.
    case second
  }

  /// Zeros.
  /// - Parameter updates: done before; a checkpoint's moments are to be written then.
  public convenience init(for policy: Policy, updates: UInt64 = 0) {
    self.init(policy.transformer, updates: updates)
  }

  /// Zeros.
  /// - Parameter updates: done before; a checkpoint's moments are to be written then.
  public convenience init(for critic: Critic, updates: UInt64 = 0) {
    self.init(critic.transformer, updates: updates)
  }

  private init(_ model: Transformer, updates: UInt64) {
    firstTensor = Tensor(count: model.trained.count, compute: model.compute)
    secondTensor = Tensor(count: model.trained.count, compute: model.compute)
    self.updates = updates
  }

  private func tensor(_ moment: Moment) -> Tensor {
    moment == .first ? firstTensor : secondTensor
  }

  /// Values of a moment, in the order of the parameters.
  public func values(_ moment: Moment, _ range: Range<Int>) -> [Float] {
    tensor(moment).read(range)
  }

  /// Replaces values of a moment from `offset` on.
  public func write(_ values: [Float], _ moment: Moment, at offset: Int) {
    tensor(moment).write(values, at: offset)
  }

  /// The number of the update that is about to be done.
  func advance() -> UInt64 {
    updates += 1
    return updates
  }
}

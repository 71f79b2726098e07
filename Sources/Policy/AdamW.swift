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

/// The moments of AdamW for one policy, and the number of updates they have seen.
public final class AdamWState: @unchecked Sendable {
  let firstTensor: Tensor
  let secondTensor: Tensor
  /// Updates done; the next one is number `updates + 1` in the bias correction.
  public private(set) var updates: UInt64

  /// Zeros, no update done.
  public init(for policy: Policy) {
    firstTensor = Tensor(count: policy.weights.count, compute: policy.compute)
    secondTensor = Tensor(count: policy.weights.count, compute: policy.compute)
    updates = 0
  }

  /// The state that a checkpoint holds.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public init(for policy: Policy, first: [Float], second: [Float], updates: UInt64)
    throws(PolicyError)
  {
    let count = policy.weights.count
    guard first.count == count else {
      throw .wrongSize("first moments", count: first.count, expected: count)
    }
    guard second.count == count else {
      throw .wrongSize("second moments", count: second.count, expected: count)
    }
    firstTensor = Tensor(first, compute: policy.compute)
    secondTensor = Tensor(second, compute: policy.compute)
    self.updates = updates
  }

  /// A copy of the first moments, in the order of the parameters.
  public var first: [Float] { firstTensor.values }
  /// A copy of the second moments.
  public var second: [Float] { secondTensor.values }

  fileprivate func advance() -> UInt64 {
    updates += 1
    return updates
  }
}

extension Policy {
  /// One AdamW update of all parameters with `gradientScale · gradient`. An update that is skipped
  /// is one that is not called: the state's counter moves here alone.
  ///
  /// - Parameter gradientScale: `Gradient.clippingCoefficient`, or 1.
  public func update(
    _ gradient: Gradient, _ state: AdamWState, settings: AdamWSettings, learningRate: Double,
    gradientScale: Double = 1
  ) {
    compute.adamW(
      learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.adamEpsilon, weightDecay: settings.weightDecay,
      gradientScale: gradientScale, update: state.advance(), gradient: gradient.tensor,
      parameters: weights, first: state.firstTensor, second: state.secondTensor)
    parametersChanged()
  }
}

public import Operators

extension Policy {
  /// A policy with random weights, see `InitialWeights`.
  public convenience init(configuration: ModelConfiguration, seed: UInt64, compute: Compute) {
    let initial = InitialWeights(configuration, seed: seed)
    let weights = Tensor(count: configuration.parameterCount, compute: compute)
    var start = 0
    for (index, tensor) in configuration.parameters.enumerated() {
      weights.write(initial.values(index, 0..<tensor.count), at: start)
      start += tensor.count
    }
    do {
      try self.init(configuration: configuration, weights: weights)
    } catch {
      preconditionFailure("initial weights of another size: \(error)")
    }
  }
}

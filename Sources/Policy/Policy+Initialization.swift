public import Operators

extension Policy {
  /// A policy with random weights, see `InitialWeights`.
  public convenience init(configuration: ModelConfiguration, seed: UInt64, compute: Compute) {
    let initial = InitialWeights(configuration, seed: seed)
    var values: [Float] = []
    values.reserveCapacity(configuration.parameterCount)
    for (index, tensor) in configuration.parameters.enumerated() {
      values += initial.values(index, 0..<tensor.count)
    }
    do {
      try self.init(configuration: configuration, parameters: values, compute: compute)
    } catch {
      preconditionFailure("initial weights of another size: \(error)")
    }
  }
}

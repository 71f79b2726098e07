public import Operators
import Randomness

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Policy {
  /// A policy with random weights, as Hugging Face initializes these architectures: normal with
  /// standard deviation 0.02, norms 1, biases 0; the projections that write to the residual stream
  /// are scaled by `1 / sqrt(2 L)` (GPT-2), so that its variance does not grow with depth.
  ///
  /// Weight i is a function of (seed, i): Box and Muller's transform of a counter-based pair.
  public convenience init(configuration: ModelConfiguration, seed: UInt64, compute: Compute) {
    let stream = RandomStream(seed: seed, purpose: .initialWeights)
    var values: [Float] = []
    values.reserveCapacity(configuration.parameterCount)
    for tensor in configuration.parameters {
      let residual =
        tensor.name.hasSuffix("o_proj.weight") || tensor.name.hasSuffix("down_proj.weight")
      let deviation = residual ? 0.02 / Double(2 * configuration.layerCount).squareRoot() : 0.02
      if tensor.name.hasSuffix("norm.weight") {
        values += [Float](repeating: 1, count: tensor.count)
      } else if tensor.name.hasSuffix(".bias") {
        values += [Float](repeating: 0, count: tensor.count)
      } else {
        for _ in 0..<tensor.count {
          let (u, v) = stream.uniformPair(UInt64(values.count))
          values.append(Float(deviation * (-2 * log(u)).squareRoot() * cos(2 * .pi * v)))
        }
      }
    }
    do {
      try self.init(configuration: configuration, parameters: values, compute: compute)
    } catch {
      preconditionFailure("initial weights of another size: \(error)")
    }
  }
}

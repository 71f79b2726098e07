import Digest
public import Operators

/// A decoder-only transformer whose parameters can be sampled from, scored with and trained.
///
/// It owns the flat f32 parameters, in the order of `ModelConfiguration.parameters`. On equal
/// parameters and the same product kernel all results are the same bits, whatever the number of
/// threads and whatever else shares a call; `Compute.measureRowIndependence` says whether the
/// log-probabilities of `generate` and `score` are the same bits too.
///
/// Used by one thread at a time. It may be handed over between threads, hence `Sendable`; whoever
/// holds it must not share it, nor its `Compute` with a policy in use elsewhere.
public final class Policy: @unchecked Sendable {
  public let configuration: ModelConfiguration
  public let compute: Compute

  let shape: TransformerShape
  let layers: [LayerOffsets]
  let weights: Tensor
  /// Cosines and sines of every position so far asked for; grows.
  var rope: RotaryTable
  /// Memory of forward and backward passes, kept between calls.
  var buffers = Buffers()
  private var digest: [UInt8]?

  /// - Parameter parameters: flat, in the order of `configuration.parameters`.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public init(configuration: ModelConfiguration, parameters: [Float], compute: Compute)
    throws(PolicyError)
  {
    let layout = ParameterLayout(configuration)
    guard parameters.count == layout.count else {
      throw .wrongSize("parameters", count: parameters.count, expected: layout.count)
    }
    self.configuration = configuration
    self.compute = compute
    shape = layout.shape
    layers = layout.layers
    weights = Tensor(parameters, compute: compute)
    rope = RotaryTable(configuration, compute: compute)
  }

  /// A copy of the flat parameters.
  public var parameters: [Float] { weights.values }

  /// Replaces all parameters.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func replaceParameters(_ parameters: [Float]) throws(PolicyError) {
    guard parameters.count == weights.count else {
      throw .wrongSize("parameters", count: parameters.count, expected: weights.count)
    }
    weights.write(parameters)
    parametersChanged()
  }

  /// Copies the parameters of a policy of the same shape, without a detour through the host.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func copyParameters(of other: Policy) throws(PolicyError) {
    guard other.weights.count == weights.count else {
      throw .wrongSize("parameters", count: other.weights.count, expected: weights.count)
    }
    other.weights.copy(from: 0, count: weights.count, to: weights, at: 0)
    parametersChanged()
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names: equal digests mean the
  /// same policy. Computed once per version of the parameters.
  public func weightsDigest() -> [UInt8] {
    if let digest { return digest }
    var hash = SHA256()
    // A piece at a time: the copy stays in cache.
    let piece = 1 << 16
    for start in stride(from: 0, to: weights.count, by: piece) {
      let values = weights.read(start..<min(start + piece, weights.count))
      unsafe values.withUnsafeBytes { unsafe hash.update($0) }
    }
    let result = hash.finalize()
    digest = result
    return result
  }

  /// Must follow every change of `weights`.
  func parametersChanged() { digest = nil }
}

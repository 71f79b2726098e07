import Digest
import Operators

/// What a policy and a critic share: the layers of a decoder-only transformer, and the flat
/// parameters of the whole model, those of its head included. The head is its owner's business.
///
/// Used by one thread at a time, like its owner.
final class Transformer {
  let configuration: ModelConfiguration
  let compute: Compute
  let shape: TransformerShape
  let layers: [LayerOffsets]
  /// Where the value head stands; nil in a model with a language-model head.
  let valueHead: ValueHead?
  let weights: Tensor
  /// Where each tensor of the configuration's parameters begins in `weights`, and their end.
  private let starts: [Int]
  /// Cosines and sines of every position so far asked for; grows.
  var rope: RotaryTable
  /// Floats of activations that are kept between a forward and its backward pass.
  var activationRoom = Transformer.keptActivations
  /// Memory of forward and backward passes, kept between calls.
  var buffers = Buffers()
  private var digest: [UInt8]?

  /// - Parameters:
  ///   - head: the one that the owner computes.
  ///   - weights: flat, in the order of `configuration.parameters`; theirs is the memory.
  /// - Throws: `PolicyError.Code.architecture` and `wrongSize`.
  init(
    _ head: ModelArchitecture.Head, configuration: ModelConfiguration, weights: Tensor
  ) throws(PolicyError) {
    guard configuration.architecture.head == head else {
      throw .architecture(configuration.architecture)
    }
    let layout = ParameterLayout(configuration)
    guard weights.count == layout.count else {
      throw .wrongSize("parameters", count: weights.count, expected: layout.count)
    }
    self.configuration = configuration
    self.weights = weights
    starts = SafetensorsWriter.offsets(of: configuration.parameters)
    compute = weights.compute
    shape = layout.shape
    layers = layout.layers
    valueHead = layout.valueHead
    rope = RotaryTable(configuration, compute: compute)
  }

  /// Elements `range` of tensor number `tensor` of the configuration's parameters.
  func values(_ tensor: Int, _ range: Range<Int>) -> [Float] {
    precondition(
      range.upperBound <= starts[tensor + 1] - starts[tensor], "tensor \(tensor): \(range)")
    return weights.read(starts[tensor] + range.lowerBound..<starts[tensor] + range.upperBound)
  }

  /// - Throws: `PolicyError.Code.wrongSize`.
  func replaceParameters(_ parameters: [Float]) throws(PolicyError) {
    guard parameters.count == weights.count else {
      throw .wrongSize("parameters", count: parameters.count, expected: weights.count)
    }
    weights.write(parameters)
    parametersChanged()
  }

  /// Copies the parameters of a model of the same shape, without a detour through the host.
  /// - Throws: `PolicyError.Code.wrongSize`.
  func copyParameters(of other: Transformer) throws(PolicyError) {
    guard other.weights.count == weights.count else {
      throw .wrongSize("parameters", count: other.weights.count, expected: weights.count)
    }
    other.weights.copy(from: 0, count: weights.count, to: weights, at: 0)
    parametersChanged()
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names: equal digests mean the
  /// same model. Computed once per version of the parameters.
  func weightsDigest() -> [UInt8] {
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

  /// One AdamW update of all parameters with `gradientScale · gradient`.
  func update(
    _ gradient: Gradient, _ state: AdamWState, settings: AdamWSettings, learningRate: Double,
    gradientScale: Double
  ) {
    precondition(weights.type == .f32, "an update of weights that are held in \(weights.type)")
    compute.adamW(
      learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.adamEpsilon, weightDecay: settings.weightDecay,
      gradientScale: gradientScale, update: state.advance(), gradient: gradient.tensor,
      parameters: weights, first: state.firstTensor, second: state.secondTensor)
    parametersChanged()
  }

  /// Must follow every change of `weights`.
  private func parametersChanged() { digest = nil }
}

import Digest
import Operators

/// What a policy and a critic share: the layers of a decoder-only transformer, and the flat
/// parameters of the whole model, those of its head included. The head is its owner's business.
///
/// Used by one thread at a time, like its owner.
final class Transformer {
  let configuration: ModelConfiguration
  let compute: Compute
  var shape: TransformerShape
  let layers: [LayerOffsets]
  /// Where the value head stands; nil in a model with a language-model head.
  let valueHead: ValueHead?
  /// Frozen where there is an adapter.
  let weights: Tensor
  /// What stands beside the products of the layers, and is trained in place of `weights`.
  let adapter: HeldAdapter?
  /// Where each tensor of the configuration's parameters begins in `weights`, and their end.
  private let starts: [Int]
  /// Cosines and sines of every position so far asked for; grows.
  var rope: RotaryTable
  /// Floats of activations that are kept between a forward and its backward pass.
  var activationRoom = Transformer.keptActivations
  /// Sequences that are decoded at once, at most; nil: what suits the model.
  var rowsAtOnce: Int?
  /// Memory of forward and backward passes, kept between calls.
  var buffers = Buffers()
  /// Of `weights`, and of the whole.
  private var baseDigest: [UInt8]?
  private var digest: [UInt8]?

  /// - Parameters:
  ///   - head: the one that the owner computes.
  ///   - weights: flat, in the order of `configuration.parameters`; theirs is the memory.
  /// - Throws: `PolicyError.Code.architecture`, `wrongSize`, and `otherBase` where the adapter names
  ///   another base's digest.
  init(
    _ head: ModelArchitecture.Head, configuration: ModelConfiguration, weights: Tensor,
    adapter: Adapter? = nil
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
    shape.products = compute.products
    layers = layout.layers
    valueHead = layout.valueHead
    rope = RotaryTable(configuration, compute: compute)
    self.adapter = try Self.held(adapter, configuration, compute)
    try requireOwnBase()
  }

  /// A model on the same weights, which are held once, with another adapter or none. Of the two one is
  /// used at a time, and neither is trained unless it has an adapter.
  init(on base: Transformer, adapter: Adapter?) throws(PolicyError) {
    (configuration, compute) = (base.configuration, base.compute)
    (shape, layers, valueHead) = (base.shape, base.layers, base.valueHead)
    (weights, starts) = (base.weights, base.starts)
    rope = RotaryTable(configuration, compute: compute)
    baseDigest = base.weightsDigestOfBase()
    self.adapter = try Self.held(adapter, configuration, compute)
    try requireOwnBase()
  }

  private static func held(
    _ adapter: Adapter?, _ configuration: ModelConfiguration, _ compute: Compute
  ) throws(PolicyError) -> HeldAdapter? {
    guard let adapter else { return nil }
    return try HeldAdapter(adapter, of: configuration, compute: compute)
  }

  /// An adapter that names the digest of its base stands on that alone.
  private func requireOwnBase() throws(PolicyError) {
    guard let wanted = adapter?.base.digest else { return }
    let found = weightsDigestOfBase()
    guard found == wanted else { throw .otherBase(found: found, wanted: wanted) }
  }

  /// How the products are computed; the context's way at first.
  var products: Products {
    get { shape.products }
    set { shape.products = newValue }
  }

  /// What updates change, and gradients and moments belong to: the adapter's values, or all weights.
  var trained: Tensor { adapter?.values ?? weights }

  /// The tensors of `trained`, in its order.
  var trainedTensors: [TensorShape] {
    adapter?.settings.tensors(of: configuration) ?? configuration.parameters
  }

  /// Elements `range` of tensor number `tensor` of the configuration's parameters.
  func values(_ tensor: Int, _ range: Range<Int>) -> [Float] {
    precondition(
      range.upperBound <= starts[tensor + 1] - starts[tensor], "tensor \(tensor): \(range)")
    return weights.read(starts[tensor] + range.lowerBound..<starts[tensor] + range.upperBound)
  }

  /// - Throws: `PolicyError.Code.wrongSize`.
  func replaceParameters(_ parameters: [Float]) throws(PolicyError) {
    guard parameters.count == trained.count else {
      throw .wrongSize("parameters", count: parameters.count, expected: trained.count)
    }
    trained.write(parameters)
    parametersChanged()
  }

  /// Copies the parameters of a model of the same shape, without a detour through the host.
  /// - Throws: `PolicyError.Code.wrongSize`.
  func copyParameters(of other: Transformer) throws(PolicyError) {
    guard other.trained.count == trained.count else {
      throw .wrongSize("parameters", count: other.trained.count, expected: trained.count)
    }
    other.trained.copy(from: 0, count: trained.count, to: trained, at: 0)
    parametersChanged()
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names, with an adapter over that
  /// digest and the adapter: equal digests mean the same model. Computed once per version of the
  /// parameters.
  func weightsDigest() -> [UInt8] {
    if let digest { return digest }
    let base = weightsDigestOfBase()
    let result = adapter?.digest(base: base) ?? base
    digest = result
    return result
  }

  /// The same of the weights without their adapter.
  func weightsDigestOfBase() -> [UInt8] {
    if let baseDigest { return baseDigest }
    var hash = SHA256()
    weights.update(&hash)
    let result = hash.finalize()
    baseDigest = result
    return result
  }

  /// One AdamW update of all that is trained with `gradientScale · gradient`.
  func update(
    _ gradient: Gradient, _ state: AdamWState, settings: AdamWSettings, learningRate: Double,
    gradientScale: Double
  ) {
    precondition(trained.type == .f32, "an update of weights that are held in \(trained.type)")
    compute.adamW(
      learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.adamEpsilon, weightDecay: settings.weightDecay,
      gradientScale: gradientScale, update: state.advance(), gradient: gradient.tensor,
      parameters: trained, first: state.firstTensor, second: state.secondTensor)
    parametersChanged()
  }

  /// Must follow every change of `trained`.
  private func parametersChanged() {
    digest = nil
    if adapter == nil { baseDigest = nil }
  }
}

public import Operators

/// A decoder-only transformer whose parameters can be sampled from, scored with and trained.
///
/// It owns the flat parameters, in the order of `ModelConfiguration.parameters`, in f32 or as they are
/// stored. On equal parameters, held alike, and the same product kernel all results are the same
/// bits, whatever the number of threads and whatever else shares a call;
/// `Compute.measureRowIndependence` says whether the log-probabilities of `generate` and `score` are
/// the same bits too.
///
/// With an adapter those are frozen, and what is trained (`parameters`, gradients, moments) are the
/// adapter's values.
///
/// Used by one thread at a time. It may be handed over between threads, hence `Sendable`; whoever
/// holds it must not share it, nor its `Compute` with a policy in use elsewhere.
public final class Policy: @unchecked Sendable {
  let transformer: Transformer

  /// - Parameters:
  ///   - parameters: of the base, flat, in the order of `configuration.parameters`.
  ///   - adapter: what is trained in their place.
  /// - Throws: `PolicyError.Code.wrongSize`, `architecture` where the model is a critic, or
  ///   `otherBase`.
  public convenience init(
    configuration: ModelConfiguration, parameters: [Float], adapter: Adapter? = nil,
    compute: Compute
  ) throws(PolicyError) {
    try self.init(
      configuration: configuration, weights: Tensor(parameters, compute: compute),
      adapter: adapter)
  }

  /// - Throws: as above.
  init(
    configuration: ModelConfiguration, weights: Tensor, adapter: Adapter? = nil
  ) throws(PolicyError) {
    transformer = try Transformer(
      .languageModel, configuration: configuration, weights: weights, adapter: adapter)
  }

  /// A policy on the weights of another one, which are held once, with another adapter or none.
  /// Neither may be trained without an adapter, and both are used by one thread.
  /// - Throws: `PolicyError.Code.wrongSize` and `otherBase`.
  public init(on base: Policy, adapter: Adapter?) throws(PolicyError) {
    transformer = try Transformer(on: base.transformer, adapter: adapter)
  }

  /// Reads a model directory; nothing is held twice.
  /// - Parameters:
  ///   - configuration: the directory's own, or one of the same tensors in its place.
  ///   - held: `.stored` only for weights that are not trained.
  ///   - adapter: what is trained in their place.
  /// - Throws: `ModelDirectoryError`, and `PolicyError` of the codes `architecture`, `wrongSize` and
  ///   `otherBase`.
  public convenience init(
    _ model: StoredModel, configuration: ModelConfiguration? = nil,
    held: HeldWeights = .widened, adapter: Adapter? = nil, compute: Compute
  ) throws {
    try self.init(
      configuration: configuration ?? model.configuration,
      weights: try model.weights(held, compute: compute), adapter: adapter)
  }

  /// A copy of the adapter as it is now, naming the base's digest.
  public var adapter: Adapter? {
    guard let held = transformer.adapter else { return nil }
    return Adapter(
      settings: held.settings,
      base: Adapter.Base(name: held.base.name, digest: transformer.weightsDigestOfBase()),
      values: held.values.values)
  }

  /// The tensors of `parameters`, in their order: the adapter's, or all of the configuration.
  public var trainedTensors: [TensorShape] { transformer.trainedTensors }

  /// As `weightsDigest`, of the weights without the adapter.
  public func baseDigest() -> [UInt8] { transformer.weightsDigestOfBase() }

  /// Whether the backward pass computes every layer again, from the residual stream before it
  /// (gradient checkpointing, arXiv 1604.06174): less memory, a third more work, the same bits.
  public var checkpointsGradients: Bool {
    get { transformer.checkpointsGradients }
    set { transformer.checkpointsGradients = newValue }
  }

  /// Floats of activations that are kept between a forward and its backward pass; what does not fit is
  /// computed again, with the same bits.
  package var activationRoom: Int {
    get { transformer.activationRoom }
    set { transformer.activationRoom = newValue }
  }

  /// Sequences that are decoded at once, at most; nil: what suits the model.
  package var rowsAtOnce: Int? {
    get { transformer.rowsAtOnce }
    set { transformer.rowsAtOnce = newValue }
  }

  /// How the products of layers and head are computed; the context's way at first.
  public var products: Products {
    get { transformer.products }
    set { transformer.products = newValue }
  }

  public var configuration: ModelConfiguration { transformer.configuration }
  public var compute: Compute { transformer.compute }

  /// Elements `range` of tensor number `tensor` of the configuration's parameters, in f32; without
  /// the adapter.
  public func values(_ tensor: Int, _ range: Range<Int>) -> [Float] {
    transformer.values(tensor, range)
  }

  /// A copy of the flat parameters that are trained.
  public var parameters: [Float] { transformer.trained.values }

  /// Replaces all parameters that are trained.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func replaceParameters(_ parameters: [Float]) throws(PolicyError) {
    try transformer.replaceParameters(parameters)
  }

  /// Copies the trained parameters of a policy of the same shape, without a detour through the host.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func copyParameters(of other: Policy) throws(PolicyError) {
    try transformer.copyParameters(of: other.transformer)
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names, with an adapter over that
  /// digest and the adapter: equal digests mean the same policy. Computed once per version of the
  /// parameters.
  public func weightsDigest() -> [UInt8] { transformer.weightsDigest() }

  /// One AdamW update of all that is trained with `gradientScale · gradient`. An update that is skipped
  /// is one that is not called: the state's counter moves here alone.
  ///
  /// - Parameter gradientScale: `Gradient.clippingCoefficient`, or 1.
  public func update(
    _ gradient: Gradient, _ state: AdamWState, settings: AdamWSettings, learningRate: Double,
    gradientScale: Double = 1
  ) {
    transformer.update(
      gradient, state, settings: settings, learningRate: learningRate,
      gradientScale: gradientScale)
  }
}

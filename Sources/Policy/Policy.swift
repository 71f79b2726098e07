public import Operators

/// A decoder-only transformer whose parameters can be sampled from, scored with and trained.
///
/// It owns the flat parameters, in the order of `ModelConfiguration.parameters`, in f32 or as they are
/// stored. On equal parameters, held alike, and the same product kernel all results are the same
/// bits, whatever the number of threads and whatever else shares a call;
/// `Compute.measureRowIndependence` says whether the log-probabilities of `generate` and `score` are
/// the same bits too.
///
/// Used by one thread at a time. It may be handed over between threads, hence `Sendable`; whoever
/// holds it must not share it, nor its `Compute` with a policy in use elsewhere.
public final class Policy: @unchecked Sendable {
  let transformer: Transformer

  /// - Parameter parameters: flat, in the order of `configuration.parameters`.
  /// - Throws: `PolicyError.Code.wrongSize`, or `architecture` where the model is a critic.
  public convenience init(
    configuration: ModelConfiguration, parameters: [Float], compute: Compute
  )
    throws(PolicyError)
  {
    try self.init(
      configuration: configuration, weights: Tensor(parameters, compute: compute))
  }

  /// - Throws: `PolicyError.Code.wrongSize`, or `architecture` where the model is a critic.
  init(configuration: ModelConfiguration, weights: Tensor) throws(PolicyError) {
    transformer = try Transformer(.languageModel, configuration: configuration, weights: weights)
  }

  /// Reads a model directory; nothing is held twice.
  /// - Parameters:
  ///   - configuration: the directory's own, or one of the same tensors in its place.
  ///   - held: `.stored` only for a policy that is not trained.
  /// - Throws: `ModelDirectoryError` and `PolicyError.Code.architecture`.
  public convenience init(
    _ model: StoredModel, configuration: ModelConfiguration? = nil,
    held: HeldWeights = .widened, compute: Compute
  ) throws {
    try self.init(
      configuration: configuration ?? model.configuration,
      weights: try model.weights(held, compute: compute))
  }

  /// Floats of activations that are kept between a forward and its backward pass; what does not fit is
  /// computed again, with the same bits.
  package var activationRoom: Int {
    get { transformer.activationRoom }
    set { transformer.activationRoom = newValue }
  }

  public var configuration: ModelConfiguration { transformer.configuration }
  public var compute: Compute { transformer.compute }

  /// Elements `range` of tensor number `tensor` of the configuration's parameters, in f32.
  public func values(_ tensor: Int, _ range: Range<Int>) -> [Float] {
    transformer.values(tensor, range)
  }

  /// A copy of the flat parameters.
  public var parameters: [Float] { transformer.weights.values }

  /// Replaces all parameters.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func replaceParameters(_ parameters: [Float]) throws(PolicyError) {
    try transformer.replaceParameters(parameters)
  }

  /// Copies the parameters of a policy of the same shape, without a detour through the host.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func copyParameters(of other: Policy) throws(PolicyError) {
    try transformer.copyParameters(of: other.transformer)
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names: equal digests mean the
  /// same policy. Computed once per version of the parameters.
  public func weightsDigest() -> [UInt8] { transformer.weightsDigest() }

  /// One AdamW update of all parameters with `gradientScale · gradient`. An update that is skipped
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

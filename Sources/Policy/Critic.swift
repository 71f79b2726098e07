public import Operators

/// A value network: the transformer of a policy with one number per row in place of logits.
///
/// The value of a response token is that of the state *before* it, V(prompt, response up to the token
/// before): the head reads the row that scores the token in a policy, which for the first token is
/// the prompt's last row. So PPO's and verl's values, log-probabilities and rewards of a token stand
/// at one index; after the last token the episode is over, and its state has no value.
///
/// A reward model is the same without a bias; what it says of a sequence is the value after its last
/// token.
///
/// Ownership, threads and determinism are those of `Policy`; the head itself uses no product kernel.
public final class Critic: @unchecked Sendable {
  let transformer: Transformer

  /// - Parameter parameters: flat, in the order of `configuration.parameters`.
  /// - Throws: `PolicyError.Code.wrongSize`, or `architecture` where the model is no critic.
  public convenience init(
    configuration: ModelConfiguration, parameters: [Float], compute: Compute
  )
    throws(PolicyError)
  {
    try self.init(
      configuration: configuration, weights: Tensor(parameters, compute: compute))
  }

  /// - Throws: `PolicyError.Code.wrongSize`, or `architecture` where the model is no critic.
  init(configuration: ModelConfiguration, weights: Tensor) throws(PolicyError) {
    transformer = try Transformer(.value, configuration: configuration, weights: weights)
  }

  /// Reads a model directory; nothing is held twice.
  /// - Parameter held: `.stored` only for weights that are not trained.
  /// - Throws: `ModelDirectoryError` and `PolicyError.Code.architecture`.
  public convenience init(
    _ model: StoredModel, held: HeldWeights = .widened, compute: Compute
  ) throws {
    try self.init(
      configuration: model.configuration, weights: try model.weights(held, compute: compute))
  }

  /// A critic with a copy of the transformer of `policy` and a head of zeros, so that every value is 0.
  ///
  /// Zeros and not small random numbers: at first a critic knows nothing, and with all values 0 the
  /// generalized advantage estimate is the plain Monte Carlo return (for λ = γ = 1), whereas a random
  /// head subtracts a baseline that is noise of the weights. It needs no seed. A single linear map
  /// has no symmetry that zeros would keep: the head moves at the first update, and the
  /// transformer, whose gradient is a multiple of the head's weight, from the second one on.
  /// - Parameter compute: the policy's own unless given: give another one where policy and critic are
  ///   used by different threads.
  public static func initial(from policy: Policy, compute: Compute? = nil) -> Critic {
    var configuration = policy.configuration
    configuration.architecture = configuration.architecture.critic
    configuration.tieEmbeddings = false
    let held = policy.transformer.weights
    var starts: [String: Int] = [:]
    var start = 0
    for tensor in policy.configuration.parameters {
      starts[tensor.name] = start
      start += tensor.count
    }
    // Zeros where nothing is copied to.
    let weights = Tensor(
      count: configuration.parameterCount, compute: compute ?? policy.compute)
    start = 0
    for tensor in configuration.parameters {
      if let from = starts[tensor.name] {
        held.copyWidened(from: from, count: tensor.count, to: weights, at: start)
      }
      start += tensor.count
    }
    do {
      return try Critic(configuration: configuration, weights: weights)
    } catch {
      preconditionFailure("a critic of another size than its policy: \(error)")
    }
  }

  public var configuration: ModelConfiguration { transformer.configuration }
  public var compute: Compute { transformer.compute }

  /// Elements `range` of tensor number `tensor` of the configuration's parameters.
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

  /// Copies the parameters of a critic of the same shape, without a detour through the host.
  /// - Throws: `PolicyError.Code.wrongSize`.
  public func copyParameters(of other: Critic) throws(PolicyError) {
    try transformer.copyParameters(of: other.transformer)
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names: equal digests mean the
  /// same critic. Computed once per version of the parameters.
  public func weightsDigest() -> [UInt8] { transformer.weightsDigest() }

  /// One AdamW update of all parameters with `gradientScale · gradient`, as `Policy.update` does it.
  public func update(
    _ gradient: Gradient, _ state: AdamWState, settings: AdamWSettings, learningRate: Double,
    gradientScale: Double = 1
  ) {
    transformer.update(
      gradient, state, settings: settings, learningRate: learningRate,
      gradientScale: gradientScale)
  }
}

extension Tensor {
  /// Copies values of any type to a tensor in f32, some millions at a time.
  fileprivate func copyWidened(from offset: Int, count: Int, to other: Tensor, at place: Int) {
    guard type != .f32 else { return copy(from: offset, count: count, to: other, at: place) }
    let piece = 1 << 20
    for start in stride(from: 0, to: count, by: piece) {
      let range = offset + start..<offset + min(start + piece, count)
      other.write(read(range), at: place + start)
    }
  }
}

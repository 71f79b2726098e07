import Operators

/// The sum of a loss's derivatives with respect to every trained parameter of a policy or a critic,
/// flat, in their order.
public final class Gradient: @unchecked Sendable {
  let tensor: Tensor

  /// Zeros for the trained parameters of `policy`.
  public convenience init(for policy: Policy) { self.init(policy.transformer) }

  /// Zeros for the parameters of `critic`.
  public convenience init(for critic: Critic) { self.init(critic.transformer) }

  private init(_ model: Transformer) {
    tensor = Tensor(count: model.trained.count, compute: model.compute)
  }

  /// A copy of the values.
  public var values: [Float] { tensor.values }

  public func zero() { tensor.zero() }

  /// The Euclidean norm over all parameters, summed in double in a fixed order.
  public func norm() -> Double { tensor.compute.sumOfSquares(tensor).squareRoot() }

  /// The factor that clips a gradient of `norm` to `maximumNorm`, as
  /// `torch.nn.utils.clip_grad_norm_` computes it: min(1, maximum / (norm + 1e-6)).
  public static func clippingCoefficient(norm: Double, maximumNorm: Double) -> Double {
    min(1, maximumNorm / (norm + 1e-6))
  }
}

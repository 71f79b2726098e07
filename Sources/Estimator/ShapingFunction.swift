/// `f(π_θ)`: policy shaping of off-policy data (LUFFY, arXiv 2504.14945). Scope: token.
///
/// With π_ref = 1 the token loss is `−Â·f(p)` instead of `−Â·p`, and the gradient with respect to
/// log p is `−Â·p·f′(p)`: a concave f gives rare tokens the weight that p alone denies them.
///
///     kind       f(p)              f′(p)
///     none       p                 1
///     fraction   p / (p + c)       c / (p + c)²        LUFFY with c = 0.1
///     root       √p                1 / (2√p)
///     power      p^c               c·p^(c−1)
///     log        c·log p           c / p
///     log_linear c·log p + p       c / p + 1
public struct ShapingFunction: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case none
    case fraction
    case root
    case power
    case log
    case logLinear = "log_linear"
  }

  public var kind: Kind
  /// `c`; not read by `none` and `root`.
  public var constant: Double

  public init(_ kind: Kind = .none, constant: Double = 0.1) {
    self.kind = kind
    self.constant = constant
  }

  public static let none = ShapingFunction()

  public var hasConstant: Bool { kind != .none && kind != .root }
  public var scope: PartScope { .token }

  /// `f(p)` and `f′(p)` for `p` in (0, 1].
  public func callAsFunction(_ p: Double) -> (value: Double, derivative: Double) {
    switch kind {
    case .none: return (p, 1)
    case .fraction:
      let sum = p + constant
      return (p / sum, constant / (sum * sum))
    case .root:
      let root = p.squareRoot()
      return (root, 0.5 / root)
    case .power:
      let value = power(p, constant)
      return (value, constant * value / p)
    case .log: return (constant * naturalLogarithm(p), constant / p)
    case .logLinear: return (constant * naturalLogarithm(p) + p, constant / p + 1)
    }
  }

  func validate(_ key: String) throws(EstimatorError) {
    guard !hasConstant || (constant > 0 && constant.isFinite) else {
      throw .parameter(
        "\(key).constant", "\(constant) is not positive", remedy: "Give a positive constant.")
    }
  }
}

import Operators

/// How closely decoding must follow what training computes.
public enum Numerics: String, Sendable, CaseIterable {
  /// The policy's own products: log-probabilities are the bits that training computes.
  case exact
  /// Products in bf16 where the processor has them: each token takes about half the time, and its
  /// log-probability differs in the third digit. Rows still depend on themselves alone.
  case fast
}

extension Policy {
  /// Lets `body` decode under `numerics`.
  public func with<T>(_ numerics: Numerics, _ body: () throws -> T) rethrows -> T {
    let own = products
    if numerics == .fast { products = .bf16 }
    defer { products = own }
    return try body()
  }
}

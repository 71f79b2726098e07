/// What a comparison may cost. Everything is counted, nothing is timed: a verdict repeats, on every
/// machine. An operation takes 30 to 150 ns, so that the whole budget is spent in 10 ms.
public enum Limits {
  /// Counted operations of reading and normalizing one side; the comparison is on the answer's bill.
  /// Ordinary answers need some hundreds.
  public static let operations = 60_000
  /// Longest text that is read as mathematics, in bytes. The longest answers of data sets (matrices)
  /// have some hundreds.
  public static let textBytes = 8_192
  /// Longest answer that is compared as text, in bytes.
  static let foldedBytes = 65_536
  /// Nested brackets, fractions, roots and exponents.
  static let depth = 48
  /// Operators that lean on one another without brackets: `a/b/c`, `n!!!`. With ``depth`` it bounds
  /// the height of the tree, and so the stack.
  static let chain = 24
  /// 32-bit words of a numerator or denominator: some 4,900 digits.
  static let integerWords = 512
  /// Terms of a polynomial.
  static let terms = 1_000
  /// Distinct symbols, roots and function values of one comparison.
  static let atoms = 128
  /// Numerator and denominator of an exponent of a symbol.
  static let exponent = 1_000_000
  /// The highest power of a sum that is multiplied out.
  static let expansion = 64
  /// Terms of a sum or product sign, and factors of a factorial.
  static let repetitions = 1_000
  /// Trial division of radicands goes up to this divisor; what is left is taken for a prime.
  static let trialDivisor = 1_000
  /// Rows times columns of a matrix.
  static let cells = 144
}

/// Why a text has no value.
public enum MathematicsError: Error, Equatable {
  /// It is not mathematics that this module reads.
  case unreadable
  /// It has no value: `0/0`, `log 0`, `tan 90°`.
  case undefined
  /// It costs more than ``Limits`` allow.
  case budget
}

/// Counts the operations of one comparison.
final class Budget {
  private let operations: Int
  private var left: Int

  init(operations: Int) {
    self.operations = operations
    left = operations
  }

  /// For the other side: a hostile answer must not look like a costly gold.
  func refill() { left = operations }

  func spend(_ operations: Int) throws(MathematicsError) {
    left -= operations
    if left < 0 { throw .budget }
  }
}

/// The chance that at least one of k samples is right, from n ≥ k samples of which c are.
///
/// The unbiased estimate of Chen et al., *Evaluating Large Language Models Trained on Code*, arXiv
/// 2107.03374, equation 1: pass@k = 1 − C(n − c, k) / C(n, k), the share of the k-subsets of the n samples
/// that hold a right one.
public enum PassAtK {
  /// The estimates for k = 1 ... n, at index k − 1; none for n = 0. Cost: n.
  ///
  /// C(n − c, k) / C(n, k) is a product of k factors (n − c − j) / (n − j), so that no binomial is ever
  /// computed.
  public static func all(right: Int, of count: Int) -> [Double] {
    precondition((0...count).contains(right), "pass@k: \(right) right of \(count)")
    var allWrong = 1.0
    return (0..<count).map { j in
      allWrong *= Double(max(0, count - right - j)) / Double(count - j)
      return 1 - allWrong
    }
  }
}

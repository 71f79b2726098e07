/// Inner products of the weight vectors of several algorithms, added up step by step.
struct CosineMatrix: Sendable {
  private let count: Int
  /// Row by row; the part above the diagonal is not used.
  private var products: [Double]

  init(count: Int) {
    self.count = count
    products = Array(repeating: 0, count: count * count)
  }

  /// Adds a step: one vector for each algorithm, nil where it has none.
  mutating func add(_ vectors: [[Double]?]) throws {
    let present = (0..<count).filter { vectors[$0] != nil }
    let pairs = present.flatMap { row in
      present.filter { $0 <= row }.map { (row: row, column: $0) }
    }
    let sums = try concurrentMap(pairs.count) { index in
      Self.product(vectors[pairs[index].row] ?? [], vectors[pairs[index].column] ?? [])
    }
    for (pair, sum) in zip(pairs, sums) { products[pair.row * count + pair.column] += sum }
  }

  /// The cosine between two algorithms; nil where one of them has no weight at all.
  func cosine(_ row: Int, _ column: Int) -> Double? {
    let (low, high) = (min(row, column), max(row, column))
    let norms =
      products[low * count + low].squareRoot() * products[high * count + high].squareRoot()
    guard norms > 0 else { return nil }
    if low == high { return 1 }
    return max(-1, min(1, products[high * count + low] / norms))
  }

  /// Eight partial sums in a fixed order: the same bits on every machine.
  private static func product(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "CosineMatrix: \(a.count) and \(b.count) tokens")
    var lanes = SIMD8<Double>()
    let whole = a.count - a.count % 8
    var index = 0
    while index < whole {
      let left = SIMD8(
        a[index], a[index + 1], a[index + 2], a[index + 3], a[index + 4], a[index + 5],
        a[index + 6], a[index + 7])
      let right = SIMD8(
        b[index], b[index + 1], b[index + 2], b[index + 3], b[index + 4], b[index + 5],
        b[index + 6], b[index + 7])
      lanes += left * right
      index += 8
    }
    var sum = lanes.sum()
    for rest in whole..<a.count { sum += a[rest] * b[rest] }
    return sum
  }
}

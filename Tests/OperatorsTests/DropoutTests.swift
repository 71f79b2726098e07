import COps
import Operators
import Testing

/// Which values dropout leaves, seen through an adapter that adds them up.
@Suite struct DropoutTests {
  static let rate: Float = 0.25

  /// Of every row the sum over k = 512 of ones after dropout, through A and B of ones.
  func sums(key: UInt64?) -> [Float] {
    let m = SmallModel(
      hidden: 512, intermediate: 16, heads: 1, kvHeads: 1, headDimension: 2, vocabulary: 4,
      biases: false, seed: 1)
    let (rows, shape) = (2000, m.shape)
    let compute = Compute(threads: 2)
    // Weights of 0, norms of 1.
    let parameters = Tensor(count: m.parameterCount, compute: compute)
    parameters.write([Float](repeating: 1, count: 512), at: m.layer.input_norm)
    let qkv = rowTensor(nil, rows: rows, width: shape.qkvWidth, compute)
    let x = rowTensor(
      [Double](repeating: 1, count: rows * 512), rows: rows, width: 512, compute)
    let values = Tensor([Float](repeating: 1, count: 514), compute: compute)
    let adapter = LayerAdapter(
      rank: 1, scale: 1, dropout: key.map { LayerAdapter.Dropout(rate: Self.rate, key: $0) },
      offsets: AdapterOffsets(
        q: nil, k: nil, v: AdapterOffsets.Update(a: 0, b: 512), o: nil, gate: nil, up: nil,
        down: nil), values: values)
    compute.queriesKeysValues(
      shape, m.offsets, parameters, adapter: adapter,
      rope: Tensor([1, 0], compute: compute), x: x,
      positions: [Int32](repeating: 0, count: rows), into: qkv)
    let all = qkv.read(0..<rows * shape.qkvWidth)
    return (0..<rows).map { all[$0 * shape.qkvWidth + 4] }
  }

  @Test func theShareThatStaysIsScaledToTheSameMean() {
    #expect(sums(key: nil).allSatisfy { abs($0 - 512) < 0.01 })
    let found = sums(key: 3)
    // Whole numbers of ones stay, each as 4/3.
    #expect(found.allSatisfy { abs(($0 * 0.75).rounded() - $0 * 0.75) < 0.01 })
    let mean = found.reduce(0) { $0 + Double($1) } / Double(found.count)
    let variance =
      found.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(found.count)
    // Binomial: 512 · 0.25 · 0.75 · (4/3)² = 170.7; the mean of 2000 has a deviation of 0.29.
    #expect(abs(mean - 512) < 1.5, "\(mean)")
    #expect(abs(variance - 170.7) < 30, "\(variance)")
    #expect(zip(found, sums(key: 4)).count { $0 != $1 } > 1800)
  }
}

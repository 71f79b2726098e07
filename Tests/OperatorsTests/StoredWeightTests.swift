import COps
import Operators
import Testing

/// Parameters that are held in 16 bits against the same values in f32.
@Suite struct StoredWeightTests {
  let compute = Compute(threads: 2)

  static let types: [TensorType] = [.bf16, .f16]

  /// What a pattern of 16 bits stands for.
  static func value(_ pattern: UInt16, _ type: TensorType) -> Float {
    type == .bf16
      ? Float(bitPattern: UInt32(pattern) << 16) : Float(Float16(bitPattern: pattern))
  }

  /// A tensor that holds `patterns`.
  func tensor(_ patterns: [UInt16], _ type: TensorType, _ compute: Compute) -> Tensor {
    let tensor = Tensor(count: patterns.count, type: type, compute: compute)
    unsafe patterns.withUnsafeBytes { unsafe tensor.write(stored: $0, at: 0) }
    return tensor
  }

  @Test(arguments: types, ISA.allCases) func everyPatternIsWidened(type: TensorType, isa: ISA) {
    let patterns = (0...UInt16.max).map { $0 }
    let compute = Compute(threads: 1, upTo: isa)
    let tensor = tensor(patterns, type, compute)
    let wanted = patterns.map { Self.value($0, type) }
    let differences = zip(tensor.values, wanted).filter {
      $0.isNaN ? !$1.isNaN : $0.bitPattern != $1.bitPattern
    }
    #expect(differences.isEmpty)
    // Neither the beginning nor the length has to be that of a whole vector.
    #expect(tensor.read(3..<40).map(\.bitPattern) == wanted[3..<40].map(\.bitPattern))
  }

  /// A layer and a head of several passes over k, and small ones.
  static let models =
    [
      SmallModel(
        hidden: 512, intermediate: 550, heads: 8, kvHeads: 2, headDimension: 64, vocabulary: 700,
        biases: true, headNorms: true, seed: 7)
    ] + SmallModel.all

  /// The model's parameters in 16 bits, and the same values in f32.
  func pair(
    _ m: SmallModel, _ type: TensorType, _ compute: Compute
  ) -> (stored: Tensor, widened: Tensor) {
    let patterns = floats(m.numbers(m.parameterCount, 1, scale: 0.2)).map {
      type == .bf16 ? UInt16($0.bitPattern >> 16) : Float16($0).bitPattern
    }
    let stored = tensor(patterns, type, compute)
    return (stored, Tensor(patterns.map { Self.value($0, type) }, compute: compute))
  }

  /// A widened weight is the weight: the products are the same, and not only close.
  func expectSame(_ stored: [Float], _ widened: [Float], _ what: Comment) {
    #expect(stored.map(\.bitPattern) == widened.map(\.bitPattern), what)
  }

  @Test(arguments: types, models.indices) func layer(type: TensorType, index: Int) {
    let m = Self.models[index]
    let (rows, shape) = (m.rows, m.shape)
    let (D, QKV, A) = (shape.hidden, shape.qkvWidth, shape.attentionWidth)
    let rope = Tensor(floats(m.rope), compute: compute)
    let x = rowTensor(m.numbers(rows.count * D, 2), rows: rows.count, width: D, compute)
    let out = rowTensor(m.numbers(rows.count * A, 3), rows: rows.count, width: A, compute)
    let c = m.numbers(rows.count * QKV, 4)
    let d = m.numbers(rows.count * D, 5)
    let workspace = Tensor(
      count: shape.backwardWorkspace(rows: rows.count, headRows: 0), compute: compute)

    func results(_ parameters: Tensor) -> [[Float]] {
      func room(_ width: Int) -> Tensor {
        rowTensor(nil, rows: rows.count, width: width, compute)
      }
      let (embedded, qkv, xMid, gateUp, xOut) = (
        room(D), room(QKV), room(D), room(2 * shape.intermediate), room(D)
      )
      let (dx, dxMid, dout) = (room(D), room(D), room(A))
      let gradient = Tensor(count: m.parameterCount, compute: compute)
      compute.embed(shape, parameters, tokens: rows.tokens, into: embedded)
      compute.queriesKeysValues(
        shape, m.offsets, parameters, rope: rope, x: x, positions: rows.positions, into: qkv)
      compute.block(
        shape, m.offsets, parameters, out: out, x: x, rows: rows.count, xMid: xMid,
        gateUp: gateUp, xOut: xOut)
      let forward = [embedded, qkv, xOut].map(\.values)
      compute.blockBackward(
        shape, m.offsets, parameters, out: out, xMid: xMid, gateUp: gateUp, rows: rows.count,
        dxOut: rowTensor(d, rows: rows.count, width: D, compute), into: dxMid, dout: dout,
        gradient: gradient, workspace: workspace)
      compute.queriesKeysValuesBackward(
        shape, m.offsets, parameters, rope: rope, x: x, positions: rows.positions,
        dqkv: rowTensor(c, rows: rows.count, width: QKV, compute), dxMid: dxMid, into: dx,
        gradient: gradient, workspace: workspace)
      return forward + [
        dx.read(0..<rows.count * D), dout.read(0..<rows.count * A), gradient.values,
      ]
    }
    let (stored, widened) = pair(m, type, compute)
    for (index, result) in zip(results(stored), results(widened)).enumerated() {
      expectSame(result.0, result.1, "result \(index)")
    }
  }

  @Test(arguments: types, models.indices) func heads(type: TensorType, index: Int) {
    let m = Self.models[index]
    let (shape, count) = (m.shape, 70)
    let x = rowTensor(
      m.numbers(count * shape.hidden, 2), rows: count, width: shape.hidden, compute)
    let targets = (0..<count).map {
      HeadTarget(index: $0, token: Int32($0 * 5 % shape.vocabulary))
    }
    let rows = (0..<count).map { HeadRow(row: $0, targets: $0..<$0 + 1) }
    let workspace = Tensor(
      count: shape.backwardWorkspace(rows: count, headRows: count), compute: compute)
    // Where a critic's head stands does not matter here.
    let valueHead = ValueHead(weight: m.layer.input_norm, bias: m.layer.post_norm)

    func results(_ parameters: Tensor) -> [[Float]] {
      var (logProbabilities, entropies) = (floats(m.numbers(count, 8)), floats(m.numbers(count, 9)))
      var values = entropies
      let slopes = entropies
      let dx = rowTensor(nil, rows: count, width: shape.hidden, compute)
      let gradient = Tensor(count: m.parameterCount, compute: compute)
      compute.scoreBackward(
        shape, parameters, x: x, xRows: count, rows: rows, targets: targets, temperature: 0.7,
        dLogProbabilities: slopes, dEntropies: slopes, into: dx, gradient: gradient,
        workspace: workspace)
      compute.score(
        shape, parameters, x: x, rows: rows, targets: targets, temperature: 0.7,
        logProbabilities: &logProbabilities, entropies: &entropies)
      compute.values(
        shape, valueHead, parameters, x: x, rows: rows, targets: targets, into: &values)
      return [
        logProbabilities, entropies, values, dx.read(0..<count * shape.hidden), gradient.values,
        compute.logits(shape, parameters, x: x, rows: [0, 13, 69]),
      ]
    }
    let (stored, widened) = pair(m, type, compute)
    for (index, result) in zip(results(stored), results(widened)).enumerated() {
      expectSame(result.0, result.1, "result \(index)")
    }
  }

  @Test(arguments: [Products.f32, .bf16]) func aRowKeepsItsBits(products: Products) {
    let compute = Compute(threads: 2, products: products)
    #expect(compute.measureRowIndependence().holds)
    let m = Self.models[0]
    let parameters = pair(m, .bf16, compute).stored
    var shape = m.shape
    shape.products = products
    let rope = Tensor(floats(m.rope), compute: compute)
    let values = m.numbers(200 * shape.hidden, 2)

    func queries(rows: Range<Int>) -> [Float] {
      let own = Array(values[rows.lowerBound * shape.hidden..<rows.upperBound * shape.hidden])
      let qkv = rowTensor(nil, rows: rows.count, width: shape.qkvWidth, compute)
      compute.queriesKeysValues(
        shape, m.offsets, parameters, rope: rope,
        x: rowTensor(own, rows: rows.count, width: shape.hidden, compute),
        positions: rows.map { Int32($0 % 60) }, into: qkv)
      return qkv.read(0..<rows.count * shape.qkvWidth)
    }
    let together = queries(rows: 0..<200)
    for row in [0, 1, 17, 130, 199] {
      let alone = queries(rows: row..<row + 1)
      let there = together[row * shape.qkvWidth..<(row + 1) * shape.qkvWidth]
      #expect(alone.map(\.bitPattern) == there.map(\.bitPattern), "row \(row)")
    }
  }
}

import COps
import Operators
import Testing

/// The operators of a layer against their references, forward, and against central differences of
/// the references, backward.
@Suite struct LayerTests {
  static let forwardTolerance = 2e-5
  static let backwardTolerance = 3e-5
  let compute = Compute(threads: 2)

  func qkvReference(_ m: SmallModel, _ parameters: [Double], _ x: [Double]) -> [Double] {
    let rows = m.rows
    var qkv = [Double](repeating: .nan, count: rows.count * m.shape.qkvWidth)
    var (model, layer) = (m.model, m.layer)
    unsafe ops_qkv_reference(
      &model, &layer, parameters, m.rope, x, rows.positions, rows.count, &qkv)
    return qkv
  }

  func attentionReference(_ m: SmallModel, _ qkv: [Double]) -> [Double] {
    let rows = m.rows
    var out = [Double](repeating: .nan, count: rows.count * m.shape.attentionWidth)
    var model = m.model
    unsafe ops_attention_reference(
      &model, m.cGroups, m.cGroups.count, rows.responseRows, qkv, &out)
    return out
  }

  func blockReference(_ m: SmallModel, _ parameters: [Double], _ out: [Double], _ x: [Double])
    -> [Double]
  {
    var result = [Double](repeating: .nan, count: x.count)
    var (model, layer) = (m.model, m.layer)
    unsafe ops_block_reference(
      &model, &layer, parameters, out, x, x.count / m.model.hidden, &result)
    return result
  }

  func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  @Test(arguments: SmallModel.all.indices) func queriesKeysValues(index: Int) {
    let m = SmallModel.all[index]
    let (rows, shape) = (m.rows, m.shape)
    let x = m.numbers(rows.count * shape.hidden, 2)
    let parameters = Tensor(floats(m.parameters), compute: compute)
    let rope = Tensor(floats(m.rope), compute: compute)
    let xTensor = rowTensor(x, rows: rows.count, width: shape.hidden, compute)
    let qkv = rowTensor(nil, rows: rows.count, width: shape.qkvWidth, compute)
    compute.queriesKeysValues(
      shape, m.offsets, parameters, rope: rope, x: xTensor, positions: rows.positions, into: qkv)
    let width = rows.count * shape.qkvWidth
    let forward = relativeError(qkv.read(0..<width), qkvReference(m, m.parameters, x))
    #expect(forward < Self.forwardTolerance)

    // L = c . qkv + e . x: the second term comes in as the gradient of the residual path.
    let c = m.numbers(width, 3)
    let e = m.numbers(x.count, 4)
    let dx = rowTensor(nil, rows: rows.count, width: shape.hidden, compute)
    let gradient = Tensor(count: m.parameterCount, compute: compute)
    compute.queriesKeysValuesBackward(
      shape, m.offsets, parameters, rope: rope, x: xTensor, positions: rows.positions,
      dqkv: rowTensor(c, rows: rows.count, width: shape.qkvWidth, compute),
      dxMid: rowTensor(e, rows: rows.count, width: shape.hidden, compute), into: dx,
      gradient: gradient,
      workspace: Tensor(
        count: shape.backwardWorkspace(rows: rows.count, headRows: 0), compute: compute))
    let byX = gradientError(dx.read(0..<x.count), x, m) {
      dot(c, qkvReference(m, m.parameters, $0)) + dot(e, $0)
    }
    #expect(byX < Self.backwardTolerance)
    let byParameters = gradientError(gradient.values, m.parameters, m) {
      dot(c, qkvReference(m, $0, x))
    }
    #expect(byParameters < Self.backwardTolerance)
  }

  @Test(arguments: SmallModel.all.indices) func attention(index: Int) {
    let m = SmallModel.all[index]
    let (rows, shape) = (m.rows, m.shape)
    let width = rows.count * shape.qkvWidth
    let values = m.numbers(width, 5, scale: 2)
    let qkv = rowTensor(values, rows: rows.count, width: shape.qkvWidth, compute)
    let out = rowTensor(nil, rows: rows.count, width: shape.attentionWidth, compute)
    compute.attention(shape, rows, qkv: qkv, into: out)
    let outCount = rows.count * shape.attentionWidth
    let forward = relativeError(out.read(0..<outCount), attentionReference(m, values))
    #expect(forward < Self.forwardTolerance)

    let c = m.numbers(outCount, 6)
    let dqkv = rowTensor(nil, rows: rows.count, width: shape.qkvWidth, compute)
    compute.attentionBackward(
      shape, rows, qkv: qkv,
      dout: rowTensor(c, rows: rows.count, width: shape.attentionWidth, compute), into: dqkv)
    let backward = gradientError(dqkv.read(0..<width), values, m) {
      dot(c, attentionReference(m, $0))
    }
    #expect(backward < Self.backwardTolerance)
  }

  /// Decoding token by token gives the same bits as attention over the whole sequence.
  @Test(arguments: SmallModel.all.indices) func decodingIsTheSameFunction(index: Int) {
    let m = SmallModel.all[index]
    let shape = m.shape
    let (prompt, response) = (21, 30)
    var rows = PackedRows()
    rows.groups = [
      RowGroup(firstRow: 0, promptRows: prompt + response, responses: 0, firstResponse: 0)
    ]
    rows.tokens = [Int32](repeating: 0, count: prompt + response)
    rows.positions = (0..<Int32(prompt + response)).map { $0 }
    let values = m.numbers(rows.count * shape.qkvWidth, 5, scale: 2)
    let whole = rowTensor(nil, rows: rows.count, width: shape.attentionWidth, compute)
    compute.attention(
      shape, rows, qkv: rowTensor(values, rows: rows.count, width: shape.qkvWidth, compute),
      into: whole)
    // The prompt goes to a cache of two layers; this is its second.
    let block = shape.keyBlockFloats
    let cache = Tensor(count: 2 * shape.keyValueHeads * (2 + 3) * block, compute: compute)
    cache.write([Float](repeating: 3e38, count: cache.count))
    var prefill = rows
    prefill.groups = [
      RowGroup(firstRow: 0, promptRows: prompt, responses: 0, firstResponse: 0)
    ]
    prefill.tokens.removeLast(response)
    let out = rowTensor(nil, rows: rows.count, width: shape.attentionWidth, compute)
    compute.attention(
      shape, prefill,
      qkv: rowTensor(
        Array(values.prefix(prompt * shape.qkvWidth)), rows: prompt, width: shape.qkvWidth, compute),
      into: out, cache: cache, layer: 1)
    let own = 2 * shape.keyValueHeads * 2 * block
    for head in 0..<2 * shape.keyValueHeads {
      cache.copy(from: (head * 2 + 1) * block, count: block, to: cache, at: own + head * 3 * block)
    }
    var differences = 0
    for position in prompt..<prompt + response {
      let place = DecodePlace(
        sharedOffset: 0, sharedStride: 2, sharedBlocks: 1, ownOffset: own, ownStride: 3,
        position: position)
      let row = Array(values[position * shape.qkvWidth..<(position + 1) * shape.qkvWidth])
      compute.decodeAttention(
        shape, [place], qkv: rowTensor(row, rows: 1, width: shape.qkvWidth, compute), into: out,
        cache: cache, layer: 1)
      let width = shape.attentionWidth
      let wanted = whole.read(position * width..<(position + 1) * width)
      differences += zip(out.read(0..<width), wanted).count { $0.bitPattern != $1.bitPattern }
    }
    #expect(differences == 0)
  }

  @Test(arguments: SmallModel.all.indices) func block(index: Int) {
    let m = SmallModel.all[index]
    let shape = m.shape
    let rows = 70
    let x = m.numbers(rows * shape.hidden, 2)
    let out = m.numbers(rows * shape.attentionWidth, 7)
    let parameters = Tensor(floats(m.parameters), compute: compute)
    let outTensor = rowTensor(out, rows: rows, width: shape.attentionWidth, compute)
    let xMid = rowTensor(nil, rows: rows, width: shape.hidden, compute)
    let gateUp = rowTensor(nil, rows: rows, width: 2 * shape.intermediate, compute)
    let xOut = rowTensor(nil, rows: rows, width: shape.hidden, compute)
    compute.block(
      shape, m.offsets, parameters, out: outTensor,
      x: rowTensor(x, rows: rows, width: shape.hidden, compute), rows: rows, xMid: xMid,
      gateUp: gateUp, xOut: xOut)
    let forward = relativeError(xOut.read(0..<x.count), blockReference(m, m.parameters, out, x))
    #expect(forward < Self.forwardTolerance)
    // In place, and without the activations, the result is the same bits.
    let inPlace = rowTensor(x, rows: rows, width: shape.hidden, compute)
    compute.block(
      shape, m.offsets, parameters, out: outTensor, x: inPlace, rows: rows, xMid: inPlace,
      gateUp: nil, xOut: inPlace)
    #expect(inPlace.read(0..<x.count) == xOut.read(0..<x.count))

    let c = m.numbers(x.count, 8)
    let dxMid = rowTensor(nil, rows: rows, width: shape.hidden, compute)
    let dout = rowTensor(nil, rows: rows, width: shape.attentionWidth, compute)
    let gradient = Tensor(count: m.parameterCount, compute: compute)
    compute.blockBackward(
      shape, m.offsets, parameters, out: outTensor, xMid: xMid, gateUp: gateUp, rows: rows,
      dxOut: rowTensor(c, rows: rows, width: shape.hidden, compute), into: dxMid, dout: dout,
      gradient: gradient,
      workspace: Tensor(count: shape.backwardWorkspace(rows: rows, headRows: 0), compute: compute))
    // x reaches the loss through x_mid alone, one to one.
    let byX = gradientError(dxMid.read(0..<x.count), x, m) {
      dot(c, blockReference(m, m.parameters, out, $0))
    }
    let byOut = gradientError(dout.read(0..<out.count), out, m) {
      dot(c, blockReference(m, m.parameters, $0, x))
    }
    let byParameters = gradientError(gradient.values, m.parameters, m) {
      dot(c, blockReference(m, $0, out, x))
    }
    #expect(max(byX, byOut, byParameters) < Self.backwardTolerance)
  }
}

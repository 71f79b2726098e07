import COps
import Operators

/// Parameters, rows and groups of a layer that is small enough for references in double.
struct SmallModel {
  var model: ops_model
  var layer: ops_layer
  var parameterCount: Int
  let seed: UInt64

  var shape: TransformerShape {
    TransformerShape(
      vocabulary: model.vocabulary, hidden: model.hidden, intermediate: model.intermediate,
      heads: model.heads, keyValueHeads: model.kv_heads, headDimension: model.head_dim,
      normEpsilon: model.norm_epsilon, embedding: model.embedding, finalNorm: model.final_norm,
      head: model.head)
  }

  var offsets: LayerOffsets {
    let biases = (layer.q_bias, layer.k_bias, layer.v_bias)
    return LayerOffsets(
      inputNorm: layer.input_norm, q: layer.q, k: layer.k, v: layer.v,
      biases: hasBiases ? (q: biases.0, k: biases.1, v: biases.2) : nil,
      headNorms: hasHeadNorms ? (q: layer.q_norm, k: layer.k_norm) : nil, o: layer.o,
      postNorm: layer.post_norm, gateUp: layer.gate_up, down: layer.down)
  }

  let hasBiases: Bool
  let hasHeadNorms: Bool

  init(
    hidden: Int, intermediate: Int, heads: Int, kvHeads: Int, headDimension: Int, vocabulary: Int,
    biases: Bool, headNorms: Bool = false, seed: UInt64
  ) {
    var next = 0
    func take(_ count: Int) -> Int {
      next += count
      return next - count
    }
    let (queries, keys) = (heads * headDimension, kvHeads * headDimension)
    model = ops_model(
      vocabulary: vocabulary, hidden: hidden, intermediate: intermediate, heads: heads,
      kv_heads: kvHeads, head_dim: headDimension, norm_epsilon: 1e-6, products: OPS_PRODUCTS_F32,
      keeps_panels: true,
      embedding: take(vocabulary * hidden), final_norm: take(hidden),
      head: take(vocabulary * hidden))
    layer = ops_layer()
    layer.input_norm = take(hidden)
    layer.q = take(queries * hidden)
    layer.k = take(keys * hidden)
    layer.v = take(keys * hidden)
    let absent = Int(bitPattern: UInt.max)
    layer.q_bias = biases ? take(queries) : absent
    layer.k_bias = biases ? take(keys) : absent
    layer.v_bias = biases ? take(keys) : absent
    layer.q_norm = headNorms ? take(headDimension) : absent
    layer.k_norm = headNorms ? take(headDimension) : absent
    layer.o = take(hidden * queries)
    layer.post_norm = take(hidden)
    layer.gate_up = take(2 * intermediate * hidden)
    layer.down = take(hidden * intermediate)
    parameterCount = next
    hasBiases = biases
    hasHeadNorms = headNorms
    self.seed = seed
  }

  static let all = [
    SmallModel(
      hidden: 16, intermediate: 32, heads: 4, kvHeads: 2, headDimension: 8, vocabulary: 32,
      biases: true, seed: 1),
    SmallModel(
      hidden: 23, intermediate: 17, heads: 3, kvHeads: 1, headDimension: 6, vocabulary: 41,
      biases: false, seed: 2),
    SmallModel(
      hidden: 48, intermediate: 40, heads: 5, kvHeads: 5, headDimension: 20, vocabulary: 15,
      biases: true, seed: 3),
    SmallModel(
      hidden: 32, intermediate: 15, heads: 7, kvHeads: 1, headDimension: 16, vocabulary: 16,
      biases: true, seed: 4),
    SmallModel(
      hidden: 24, intermediate: 18, heads: 6, kvHeads: 2, headDimension: 20, vocabulary: 17,
      biases: false, headNorms: true, seed: 5),
    SmallModel(
      hidden: 31, intermediate: 33, heads: 3, kvHeads: 3, headDimension: 2, vocabulary: 33,
      biases: true, headNorms: true, seed: 6),
  ]

  /// Uniform in [-scale, scale]: a linear congruential stream keyed by what it is for.
  func numbers(_ count: Int, _ purpose: UInt64, scale: Double = 1) -> [Double] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ purpose &* 0xBF58_476D_1CE4_E5B9 &+ 12345
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let unit = Double(state >> 11) * 0x1p-53
      // Rounded to f32, so that both sides start from the same numbers.
      return Double(Float((2 * unit - 1) * scale))
    }
  }

  var parameters: [Double] { numbers(parameterCount, 1, scale: 0.6) }

  /// Three groups: a lone prompt, two responses with one of them empty, three past a block of keys.
  var rows: PackedRows {
    var rows = PackedRows()
    let plans: [(prompt: Int, responses: [Int])] = [(3, []), (16, [5, 0]), (21, [1, 14, 30])]
    for plan in plans {
      rows.groups.append(
        RowGroup(
          firstRow: rows.count, promptRows: plan.prompt, responses: plan.responses.count,
          firstResponse: rows.responseRows.count))
      append(&rows, positions: 0..<plan.prompt)
      for response in plan.responses {
        append(&rows, positions: plan.prompt..<plan.prompt + response)
        rows.responseRows.append(response)
      }
    }
    return rows
  }

  private func append(_ rows: inout PackedRows, positions: Range<Int>) {
    for position in positions {
      rows.tokens.append(Int32((rows.count * 7) % model.vocabulary))
      rows.positions.append(Int32(position))
    }
  }

  /// The C structs of `rows.groups`, for references.
  var cGroups: [ops_group] {
    [
      ops_group(
        first_row: 0, prompt_rows: 3, responses: 0, first_response: 0, cache_offset: 0),
      ops_group(
        first_row: 3, prompt_rows: 16, responses: 2, first_response: 0, cache_offset: 0),
      ops_group(
        first_row: 24, prompt_rows: 21, responses: 3, first_response: 2, cache_offset: 0),
    ]
  }

  /// Any rotation serves: cosines and sines of random angles need not be one.
  var rope: [Double] { numbers(64 * model.head_dim, 9) }
}

func floats(_ values: [Double]) -> [Float] { values.map { Float($0) } }

/// A tensor of `rows` rows; NaN where nothing was given.
func rowTensor(_ values: [Double]?, rows: Int, width: Int, _ compute: Compute) -> Tensor {
  let tensor = Tensor(count: rows * width, compute: compute)
  tensor.write([Float](repeating: .nan, count: rows * width))
  if let values { tensor.write(floats(values)) }
  return tensor
}

/// The largest difference relative to the largest wanted value.
func relativeError(_ actual: [Float], _ wanted: [Double]) -> Double {
  guard actual.count == wanted.count else { return .infinity }
  var scale = 1e-30
  var worst = 0.0
  for (a, b) in zip(actual, wanted) {
    scale = max(scale, abs(b))
    let error = abs(Double(a) - b)
    worst = error.isNaN ? .infinity : max(worst, error)
  }
  return worst / scale
}

/// Compares a gradient with central differences of `loss` along random directions in `values`.
///
/// The reference is in double: h = 1e-5 leaves an error of about 1e-9, the gradient's own is f32's.
func gradientError(
  _ gradient: [Float], _ values: [Double], _ model: SmallModel, _ loss: ([Double]) -> Double
) -> Double {
  var worst = 0.0
  for direction in 0..<6 {
    let d = model.numbers(values.count, UInt64(100 + direction))
    let h = 1e-5
    let up = loss(zip(values, d).map { $0 + h * $1 })
    let down = loss(zip(values, d).map { $0 - h * $1 })
    let slope = zip(gradient, d).reduce(0.0) { $0 + Double($1.0) * $1.1 }
    let scale = zip(gradient, d).reduce(1e-6) { $0 + abs(Double($1.0) * $1.1) }
    let error = abs(slope - (up - down) / (2 * h)) / scale
    worst = error.isNaN ? .infinity : max(worst, error)
  }
  return worst
}

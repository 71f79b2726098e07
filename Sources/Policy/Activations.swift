import Operators

/// What the backward pass needs of a forward pass, layer by layer; norms and SiLU are recomputed.
struct Activations {
  struct Layer {
    let qkv: Tensor
    let out: Tensor
    let xMid: Tensor
    let gateUp: Tensor
  }

  /// The residual stream before each layer, and after the last.
  let x: [Tensor]
  let layers: [Layer]

  /// Tensors named by `slot` out of `buffers`.
  init(
    slot: Int, rows: Int, shape: TransformerShape, layerCount: Int, buffers: inout Buffers,
    compute: Compute
  ) {
    x = (0...layerCount).map {
      buffers.rows("\(slot).\($0).x", rows, shape.hidden, compute)
    }
    layers = (0..<layerCount).map {
      Layer(
        qkv: buffers.rows("\(slot).\($0).qkv", rows, shape.qkvWidth, compute),
        out: buffers.rows("\(slot).\($0).out", rows, shape.attentionWidth, compute),
        xMid: buffers.rows("\(slot).\($0).xMid", rows, shape.hidden, compute),
        gateUp: buffers.rows("\(slot).\($0).gateUp", rows, 2 * shape.intermediate, compute))
    }
  }

  /// Floats that one row takes in all layers.
  static func floatsPerRow(_ shape: TransformerShape, layerCount: Int) -> Int {
    let layer =
      2 * shape.hidden + shape.qkvWidth + shape.attentionWidth
      + 2 * shape.intermediate
    return layerCount * layer + shape.hidden
  }
}

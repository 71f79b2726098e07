import Operators

/// What the backward pass needs of a forward pass; norms and SiLU are always computed again.
struct Activations {
  /// What is kept between the two passes; what is not is computed again, with the same bits.
  enum Kept {
    /// All that the backward pass needs.
    case everything
    /// The residual stream before each layer: the backward pass computes each layer again
    /// (gradient checkpointing, arXiv 1604.06174).
    case residuals
  }

  /// What one layer's operators leave for the backward pass.
  struct Layer {
    let qkv: Tensor
    let out: Tensor
    let xMid: Tensor
    let gateUp: Tensor

    /// Tensors of the name `name` out of `buffers`.
    init(
      _ name: String, rows: Int, shape: TransformerShape, buffers: inout Buffers, compute: Compute
    ) {
      qkv = buffers.rows("\(name).qkv", rows, shape.qkvWidth, compute)
      out = buffers.rows("\(name).out", rows, shape.attentionWidth, compute)
      xMid = buffers.rows("\(name).xMid", rows, shape.hidden, compute)
      gateUp = buffers.rows("\(name).gateUp", rows, 2 * shape.intermediate, compute)
    }
  }

  /// The residual stream before each layer, and after the last.
  let x: [Tensor]
  /// Of every layer; empty where only residuals are kept.
  let layers: [Layer]

  /// Tensors named by `slot` out of `buffers`.
  init(
    _ kept: Kept, slot: Int, rows: Int, shape: TransformerShape, layerCount: Int,
    buffers: inout Buffers, compute: Compute
  ) {
    x = (0...layerCount).map {
      buffers.rows("\(slot).\($0).x", rows, shape.hidden, compute)
    }
    layers =
      kept == .residuals
      ? []
      : (0..<layerCount).map {
        Layer("\(slot).\($0)", rows: rows, shape: shape, buffers: &buffers, compute: compute)
      }
  }

  /// Floats that one row takes in all layers.
  static func floatsPerRow(_ kept: Kept, _ shape: TransformerShape, layerCount: Int) -> Int {
    let residuals = (layerCount + 1) * shape.hidden
    switch kept {
    case .residuals: return residuals
    case .everything: return residuals + layerCount * floatsPerRowAndLayer(shape)
    }
  }

  /// Floats that one row takes in a `Layer`.
  static func floatsPerRowAndLayer(_ shape: TransformerShape) -> Int {
    shape.qkvWidth + shape.attentionWidth + shape.hidden + 2 * shape.intermediate
  }
}

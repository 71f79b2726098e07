import Operators

/// Forward and backward through the layers, on packed rows.
extension Transformer {
  /// Keeps what the backward pass needs, or what it computes that from, in the buffers of `slot`.
  func forward(_ rows: PackedRows, _ keep: Activations.Kept, slot: Int) -> Activations {
    reserveRope(rows)
    let kept = Activations(
      keep, slot: slot, rows: rows.count, shape: shape, layerCount: layers.count,
      buffers: &buffers, compute: compute)
    compute.embed(shape, weights, tokens: rows.tokens, into: kept.x[0])
    for index in layers.indices {
      let (x, xOut) = (kept.x[index], kept.x[index + 1])
      if let layer = kept.layers.isEmpty ? nil : kept.layers[index] {
        forward(rows, index, x: x, into: layer, xOut: xOut)
      } else {
        let qkv = buffers.rows("qkv", rows.count, shape.qkvWidth, compute)
        let out = buffers.rows("out", rows.count, shape.attentionWidth, compute)
        attend(rows, index, x: x, qkv: qkv, out: out)
        compute.block(
          shape, layers[index], weights, adapter: adapter?.layer(index), out: out, x: x,
          rows: rows.count, xMid: xOut, gateUp: nil, xOut: xOut)
      }
    }
    return kept
  }

  /// One layer with all that its backward pass needs; without `xOut` nothing else.
  private func forward(
    _ rows: PackedRows, _ index: Int, x: Tensor, into layer: Activations.Layer, xOut: Tensor?
  ) {
    attend(rows, index, x: x, qkv: layer.qkv, out: layer.out)
    compute.block(
      shape, layers[index], weights, adapter: adapter?.layer(index), out: layer.out, x: x,
      rows: rows.count, xMid: layer.xMid, gateUp: layer.gateUp, xOut: xOut)
  }

  private func attend(
    _ rows: PackedRows, _ index: Int, x: Tensor, qkv: Tensor, out: Tensor, cache: Tensor? = nil
  ) {
    compute.queriesKeysValues(
      shape, layers[index], weights, adapter: adapter?.layer(index), rope: rope.tensor, x: x,
      positions: rows.positions, into: qkv)
    compute.attention(shape, rows, qkv: qkv, into: out, cache: cache, layer: index)
  }

  /// What the backward pass of a layer needs: as it was kept, or computed again.
  private func layer(
    _ index: Int, of activations: Activations, _ rows: PackedRows
  ) -> Activations.Layer {
    guard activations.layers.isEmpty else { return activations.layers[index] }
    let layer = Activations.Layer(
      "again", rows: rows.count, shape: shape, buffers: &buffers, compute: compute)
    forward(rows, index, x: activations.x[index], into: layer, xOut: nil)
    return layer
  }

  /// Keeps nothing but the residual stream after the last layer, which is returned, and the prompts'
  /// keys and values where there is a cache.
  func forwardOnly(_ rows: PackedRows, cache: Tensor? = nil) -> Tensor {
    reserveRope(rows)
    let x = buffers.rows("x", rows.count, shape.hidden, compute)
    let qkv = buffers.rows("qkv", rows.count, shape.qkvWidth, compute)
    let out = buffers.rows("out", rows.count, shape.attentionWidth, compute)
    compute.embed(shape, weights, tokens: rows.tokens, into: x)
    for (index, layer) in layers.enumerated() {
      attend(rows, index, x: x, qkv: qkv, out: out, cache: cache)
      compute.block(
        shape, layer, weights, adapter: adapter?.layer(index), out: out, x: x, rows: rows.count,
        xMid: x, gateUp: nil, xOut: x)
    }
    return x
  }

  /// One further token of every sequence through all layers; row i of the result is the residual
  /// stream after `tokens[i]`.
  func decode(_ tokens: [Int32], at places: [DecodePlace], cache: Tensor) -> Tensor {
    let count = places.count
    let positions = places.map { Int32($0.position) }
    let x = buffers.rows("x", count, shape.hidden, compute)
    let qkv = buffers.rows("qkv", count, shape.qkvWidth, compute)
    let out = buffers.rows("out", count, shape.attentionWidth, compute)
    compute.embed(shape, weights, tokens: tokens, into: x)
    for (index, layer) in layers.enumerated() {
      compute.queriesKeysValues(
        shape, layer, weights, adapter: adapter?.layer(index), rope: rope.tensor, x: x,
        positions: positions, into: qkv)
      compute.decodeAttention(shape, places, qkv: qkv, into: out, cache: cache, layer: index)
      compute.block(
        shape, layer, weights, adapter: adapter?.layer(index), out: out, x: x, rows: count, xMid: x,
        gateUp: nil, xOut: x)
    }
    return x
  }

  /// Where the backward pass of a head begins and ends.
  struct HeadPass {
    /// The residual stream after the last layer.
    let x: Tensor
    /// Its gradient, which the head writes: all rows, zero where it reads none.
    let dx: Tensor
    /// Of the flat parameters; the head adds to it. nil where they are frozen.
    let gradient: Tensor?
    let workspace: Tensor
  }

  /// Adds the gradient over one micro-batch, whose head's part `head` computes. The activations are
  /// spent afterwards.
  func backward(
    _ batch: MicroBatch, _ activations: Activations, into gradient: Gradient,
    head: (HeadPass) -> Void
  ) {
    let rows = batch.rows
    let dx = buffers.rows("dx", rows.count, shape.hidden, compute)
    let dxMid = buffers.rows("dxMid", rows.count, shape.hidden, compute)
    let dout = buffers.rows("dout", rows.count, shape.attentionWidth, compute)
    let dqkv = buffers.rows("dqkv", rows.count, shape.qkvWidth, compute)
    let workspace = buffers.tensor(
      "workspace",
      count: shape.backwardWorkspace(
        rows: rows.count, headRows: batch.headRows.count, rank: adapter?.settings.rank ?? 0,
        drops: adapter?.dropout != nil),
      compute)
    // Beside an adapter the weights are frozen, and `gradient` is the adapter's.
    let own = adapter == nil ? gradient.tensor : nil
    head(HeadPass(x: activations.x[layers.count], dx: dx, gradient: own, workspace: workspace))
    for index in layers.indices.reversed() {
      let a = layer(index, of: activations, rows)
      let beside = adapter?.layer(index, gradient: gradient.tensor)
      compute.blockBackward(
        shape, layers[index], weights, adapter: beside, out: a.out, xMid: a.xMid,
        gateUp: a.gateUp, rows: rows.count, dxOut: dx, into: dxMid, dout: dout, gradient: own,
        workspace: workspace)
      compute.attentionBackward(
        shape, rows, qkv: a.qkv, dout: dout, into: dqkv)
      compute.queriesKeysValuesBackward(
        shape, layers[index], weights, adapter: beside, rope: rope.tensor,
        x: activations.x[index], positions: rows.positions, dqkv: dqkv, dxMid: dxMid, into: dx,
        gradient: own, workspace: workspace)
    }
    if let own { compute.embedBackward(shape, tokens: rows.tokens, dx: dx, gradient: own) }
  }

  private func reserveRope(_ rows: PackedRows) {
    rope.reserve(Int(rows.positions.max() ?? 0) + 1)
  }
}

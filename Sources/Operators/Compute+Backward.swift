import COps

/// Operators of a transformer, backward. Gradients of parameters are accumulated into `gradient`,
/// the rest is overwritten. With an adapter the parameters are frozen and need no `gradient`: the
/// adapter's own is accumulated into. `ops.h` has the equations.
extension Compute {
  /// Backward of `queriesKeysValues` and of the residual path: `dx = dxMid + …`. `dqkv` is
  /// overwritten.
  public func queriesKeysValuesBackward(
    _ shape: TransformerShape, _ layer: LayerOffsets, _ parameters: Tensor,
    adapter: LayerAdapter? = nil, rope: Tensor, x: Tensor, positions: [Int32], dqkv: Tensor,
    dxMid: Tensor, into dx: Tensor, gradient: Tensor?, workspace: Tensor
  ) {
    check(adapter, gradient)
    check(dqkv, positions.count, shape.qkvWidth, "queriesKeysValuesBackward")
    check(dx, positions.count, shape.hidden, "queriesKeysValuesBackward")
    check(workspace, shape, rows: positions.count, adapter)
    unsafe shape.withUnsafe { model in
      unsafe withUnsafePointer(to: layer.c) { layer in
        unsafe withAdapter(adapter) { adapter in
          unsafe positions.withUnsafeBufferPointer {
            unsafe ops_qkv_backward_f32(
              context, model, layer, parameters.handle, adapter, rope.handle, x.handle,
              $0.baseAddress, $0.count, dqkv.handle, dxMid.handle, dx.handle, gradient?.handle,
              workspace.handle)
          }
        }
      }
    }
  }

  /// Backward of `attention`: `dqkv` from `dout`.
  public func attentionBackward(
    _ shape: TransformerShape, _ rows: PackedRows, qkv: Tensor, dout: Tensor,
    into dqkv: Tensor
  ) {
    check(dqkv, rows.count, shape.qkvWidth, "attentionBackward")
    unsafe withGroups(shape, rows) { model, groups, count, responseRows in
      unsafe ops_attention_backward_f32(
        context, model, groups, count, responseRows, qkv.handle, dout.handle, dqkv.handle)
    }
  }

  /// Backward of `block` down to `xMid` and `out`. `gateUp` is overwritten.
  public func blockBackward(
    _ shape: TransformerShape, _ layer: LayerOffsets, _ parameters: Tensor,
    adapter: LayerAdapter? = nil, out: Tensor, xMid: Tensor, gateUp: Tensor, rows: Int,
    dxOut: Tensor, into dxMid: Tensor, dout: Tensor, gradient: Tensor?, workspace: Tensor
  ) {
    check(adapter, gradient)
    check(dxMid, rows, shape.hidden, "blockBackward")
    check(dout, rows, shape.attentionWidth, "blockBackward")
    check(workspace, shape, rows: rows, adapter)
    unsafe shape.withUnsafe { model in
      unsafe withUnsafePointer(to: layer.c) { layer in
        unsafe withAdapter(adapter) {
          unsafe ops_block_backward_f32(
            context, model, layer, parameters.handle, $0, out.handle, xMid.handle, gateUp.handle,
            rows, dxOut.handle, dxMid.handle, dout.handle, gradient?.handle, workspace.handle)
        }
      }
    }
  }

  /// `dE[tokens[r]] += dx[r]`.
  public func embedBackward(
    _ shape: TransformerShape, tokens: [Int32], dx: Tensor, gradient: Tensor
  ) {
    check(dx, tokens.count, shape.hidden, "embedBackward")
    unsafe shape.withUnsafe { model in
      unsafe tokens.withUnsafeBufferPointer {
        unsafe ops_embed_backward_f32(
          context, model, $0.baseAddress, $0.count, dx.handle, gradient.handle)
      }
    }
  }

  /// One of the two is trained.
  private func check(_ adapter: LayerAdapter?, _ gradient: Tensor?) {
    precondition(
      adapter.map { $0.gradient != nil } ?? (gradient != nil), "a backward pass without a gradient")
  }

  private func check(
    _ workspace: Tensor, _ shape: TransformerShape, rows: Int, _ adapter: LayerAdapter?
  ) {
    let needed = shape.backwardWorkspace(
      rows: rows, headRows: 0, rank: adapter?.rank ?? 0, drops: adapter?.dropout != nil)
    precondition(workspace.count >= needed, "workspace: \(workspace.count) of \(needed)")
  }
}

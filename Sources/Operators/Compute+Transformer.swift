import COps

/// Packed rows, and what the operators of a layer read for each of them.
public struct PackedRows: Sendable {
  public var tokens: [Int32] = []
  public var positions: [Int32] = []
  public var groups: [RowGroup] = []
  /// Rows of every response, groups one after the other.
  public var responseRows: [Int] = []
  public var count: Int { tokens.count }

  public init() {}
}

/// Operators of a transformer, forward. `ops.h` has the equations, shapes and aliasing.
extension Compute {
  /// `x[r] = E[tokens[r]]`.
  public func embed(
    _ shape: TransformerShape, _ parameters: Tensor, tokens: [Int32], into x: Tensor
  ) {
    check(x, tokens.count, shape.hidden, "embed")
    unsafe shape.withUnsafe { model in
      unsafe tokens.withUnsafeBufferPointer {
        unsafe ops_embed_f32(
          context, model, parameters.handle, $0.baseAddress, $0.count, x.handle)
      }
    }
  }

  /// RMSNorm, q, k and v with their biases, the norms of query and key heads, RoPE.
  public func queriesKeysValues(
    _ shape: TransformerShape, _ layer: LayerOffsets, _ parameters: Tensor,
    adapter: LayerAdapter? = nil, rope: Tensor, x: Tensor, positions: [Int32], into qkv: Tensor
  ) {
    check(x, positions.count, shape.hidden, "queriesKeysValues")
    check(qkv, positions.count, shape.qkvWidth, "queriesKeysValues")
    unsafe shape.withUnsafe { model in
      unsafe withUnsafePointer(to: layer.c) { layer in
        unsafe withAdapter(adapter) { adapter in
          unsafe positions.withUnsafeBufferPointer {
            unsafe ops_qkv_f32(
              context, model, layer, parameters.handle, adapter, rope.handle, x.handle,
              $0.baseAddress, $0.count, qkv.handle)
          }
        }
      }
    }
  }

  /// Attention of packed groups. With a cache, the prompts' keys and values of layer `layer` are
  /// kept there for decoding.
  public func attention(
    _ shape: TransformerShape, _ rows: PackedRows, qkv: Tensor, into out: Tensor,
    cache: Tensor? = nil, layer: Int = 0
  ) {
    check(qkv, rows.count, shape.qkvWidth, "attention")
    check(out, rows.count, shape.attentionWidth, "attention")
    unsafe withGroups(shape, rows) { model, groups, count, responseRows in
      unsafe ops_attention_f32(
        context, model, groups, count, responseRows, qkv.handle, out.handle, cache?.handle,
        layer)
    }
  }

  /// One decoding step of one layer: stores the rows' keys and values, then attends.
  public func decodeAttention(
    _ shape: TransformerShape, _ places: [DecodePlace], qkv: Tensor, into out: Tensor,
    cache: Tensor, layer: Int
  ) {
    check(qkv, places.count, shape.qkvWidth, "decodeAttention")
    check(out, places.count, shape.attentionWidth, "decodeAttention")
    unsafe shape.withUnsafe { model in
      unsafe withRebound(places, as: ops_sequence.self) {
        unsafe ops_attention_decode_f32(
          context, model, $0, places.count, qkv.handle, out.handle, cache.handle, layer)
      }
    }
  }

  /// Output projection, residual, RMSNorm, SwiGLU, residual. `x`, `xMid` and `xOut` may be one.
  /// Without `xOut` only `xMid` and `gateUp` are computed.
  public func block(
    _ shape: TransformerShape, _ layer: LayerOffsets, _ parameters: Tensor,
    adapter: LayerAdapter? = nil, out: Tensor, x: Tensor, rows: Int, xMid: Tensor, gateUp: Tensor?,
    xOut: Tensor?
  ) {
    check(out, rows, shape.attentionWidth, "block")
    check(x, rows, shape.hidden, "block")
    check(xMid, rows, shape.hidden, "block")
    if let xOut { check(xOut, rows, shape.hidden, "block") }
    unsafe shape.withUnsafe { model in
      unsafe withUnsafePointer(to: layer.c) { layer in
        unsafe withAdapter(adapter) {
          unsafe ops_block_f32(
            context, model, layer, parameters.handle, $0, out.handle, x.handle, rows, xMid.handle,
            gateUp?.handle, xOut?.handle)
        }
      }
    }
  }

  /// Traps where a tensor of rows is too small.
  func check(_ tensor: Tensor, _ rows: Int, _ width: Int, _ name: String) {
    precondition(
      tensor.count >= rows * width,
      "\(name): \(tensor.count) values for \(rows) rows of \(width)")
  }

  func withGroups(
    _ shape: TransformerShape, _ rows: PackedRows,
    _ body: (
      UnsafePointer<ops_model>, UnsafePointer<ops_group>?, Int, UnsafePointer<Int>?
    ) -> Void
  ) {
    unsafe shape.withUnsafe { model in
      unsafe withRebound(rows.groups, as: ops_group.self) { groups in
        unsafe rows.responseRows.withUnsafeBufferPointer {
          unsafe body(model, groups, rows.groups.count, $0.baseAddress)
        }
      }
    }
  }
}

/// The elements of `array` as the C structs that are their only stored property.
func withRebound<Element, C, T>(
  _ array: [Element], as type: C.Type, _ body: (UnsafePointer<C>?) -> T
) -> T {
  precondition(MemoryLayout<Element>.size == MemoryLayout<C>.size)
  return unsafe array.withUnsafeBytes {
    unsafe body($0.baseAddress?.assumingMemoryBound(to: C.self))
  }
}

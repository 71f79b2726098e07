import COps

/// Sizes of a transformer and where its shared parameters stand in the flat parameter tensor.
///
/// Letters as in `ops.h`: D hidden, F intermediate, V vocabulary, A = heads · headDimension,
/// K = keyValueHeads · headDimension.
public struct TransformerShape: Sendable {
  var c: ops_model

  /// - Parameter head: offset of the language-model head, nil in a critic, which has none.
  public init(
    vocabulary: Int, hidden: Int, intermediate: Int, heads: Int, keyValueHeads: Int,
    headDimension: Int, normEpsilon: Float, embedding: Int, finalNorm: Int, head: Int?
  ) {
    precondition(heads % keyValueHeads == 0, "\(heads) heads over \(keyValueHeads) kv heads")
    precondition(headDimension % 2 == 0, "RoPE needs an even head dimension: \(headDimension)")
    c = ops_model(
      vocabulary: vocabulary, hidden: hidden, intermediate: intermediate, heads: heads,
      kv_heads: keyValueHeads, head_dim: headDimension, norm_epsilon: normEpsilon,
      products: OPS_PRODUCTS_F32, keeps_panels: true, embedding: embedding, final_norm: finalNorm,
      head: head ?? absent)
  }

  /// How the products of layers and head are computed; f32 at first.
  public var products: Products {
    get { c.products == OPS_PRODUCTS_BF16 ? .bf16 : .f32 }
    set { c.products = newValue.c }
  }

  /// Whether weights stay packed for products beside their tensor, for the next operator: what decoding
  /// wants. Passes over whole groups take what is packed, and pack the rest anew without it.
  public var keepsPanels: Bool {
    get { c.keeps_panels }
    set { c.keeps_panels = newValue }
  }

  /// Whether there is a language-model head: logits, scores and draws need it.
  var hasHead: Bool { c.head != absent }

  public var vocabulary: Int { c.vocabulary }
  public var hidden: Int { c.hidden }
  public var intermediate: Int { c.intermediate }
  public var heads: Int { c.heads }
  public var keyValueHeads: Int { c.kv_heads }
  public var headDimension: Int { c.head_dim }
  /// Width of a row of queries, keys and values: A + 2K.
  public var qkvWidth: Int { (c.heads + 2 * c.kv_heads) * c.head_dim }
  /// Width of a row of attention's output: A.
  public var attentionWidth: Int { c.heads * c.head_dim }

  /// Floats of one block of 16 positions of one kv head in the key-value cache.
  public var keyBlockFloats: Int { unsafe withUnsafe { unsafe ops_key_block_floats($0) } }

  /// Floats of the logits of `rows` rows, as they are kept.
  public func logitFloats(rows: Int) -> Int {
    unsafe withUnsafe { unsafe ops_logit_floats($0, rows) }
  }

  /// Floats that the workspaces of the backward operators need for `rows` rows, of which
  /// `headRows` have logits or values, beside an adapter of rank `rank`, 0 for none.
  /// - Parameter drops: whether there is dropout before the adapter.
  public func backwardWorkspace(
    rows: Int, headRows: Int, rank: Int = 0, drops: Bool = false
  ) -> Int {
    unsafe withUnsafe {
      max(
        unsafe ops_qkv_workspace($0, rows, rank, drops),
        unsafe ops_block_workspace($0, rows, rank, drops),
        hasHead ? unsafe ops_head_workspace($0, headRows) : 0,
        unsafe ops_value_workspace($0, headRows))
    }
  }

  func withUnsafe<T>(_ body: (UnsafePointer<ops_model>) -> T) -> T {
    unsafe withUnsafePointer(to: c) { unsafe body($0) }
  }
}

/// Positions of a block of the key-value cache.
public let keyBlockPositions = Int(OPS_KEY_BLOCK)

/// Bytes of weights up to which they stay packed for products beside their tensor: `OPS_KEPT_PANELS`.
public let keptPanelBytes = 4 << 30

/// Tokens of the vocabulary whose weights the head packs at once where its logits are kept:
/// `OPS_SLAB_TOKENS`.
public let slabTokens = 1 << 14

/// `OPS_ABSENT`, a macro that Swift does not import.
let absent = Int(bitPattern: UInt.max)

/// Where the parameters of a critic's head stand in the flat parameter tensor: `weight` `[D]` and one
/// bias, which a reward model does not have.
public struct ValueHead: Sendable {
  var c: ops_value_head

  public init(weight: Int, bias: Int?) {
    c = ops_value_head(weight: weight, bias: bias ?? absent)
  }
}

/// Where one layer's parameters stand in the flat parameter tensor, and their gradients in the
/// flat gradient tensor.
public struct LayerOffsets: Sendable {
  var c: ops_layer

  /// `gateUp` is the offset of gate's weight, which up's follows. Absent biases are nil, all or none;
  /// likewise `headNorms`, the weights `[d]` of the norms of query and key heads.
  public init(
    inputNorm: Int, q: Int, k: Int, v: Int, biases: (q: Int, k: Int, v: Int)?,
    headNorms: (q: Int, k: Int)?, o: Int, postNorm: Int, gateUp: Int, down: Int
  ) {
    c = ops_layer(
      input_norm: inputNorm, q: q, k: k, v: v, q_bias: biases?.q ?? absent,
      k_bias: biases?.k ?? absent, v_bias: biases?.v ?? absent, q_norm: headNorms?.q ?? absent,
      k_norm: headNorms?.k ?? absent, o: o, post_norm: postNorm, gate_up: gateUp, down: down)
  }
}

/// A prompt and its responses as consecutive rows: the prompt's, then each response's.
public struct RowGroup: Sendable {
  var c: ops_group

  /// - Parameters:
  ///   - firstResponse: index of the first response's row count in the list beside the groups.
  ///   - cacheOffset: where the prompt's blocks go in a cache, `[layer, kv head, block]`.
  public init(
    firstRow: Int, promptRows: Int, responses: Int, firstResponse: Int, cacheOffset: Int = 0
  ) {
    precondition(promptRows > 0, "RowGroup: an empty prompt")
    c = ops_group(
      first_row: firstRow, prompt_rows: promptRows, responses: responses,
      first_response: firstResponse, cache_offset: cacheOffset)
  }
}

/// Where the keys and values of a sequence that is being decoded stand in the cache: whole blocks of
/// its prompt, shared with other rollouts, then its own.
public struct DecodePlace: Sendable {
  var c: ops_sequence

  /// - Parameters:
  ///   - sharedStride, ownStride: blocks from one kv head to the next in the two parts.
  ///   - sharedBlocks: how many of the shared blocks are this sequence's; all of them full.
  ///   - position: of the next token.
  public init(
    sharedOffset: Int, sharedStride: Int, sharedBlocks: Int, ownOffset: Int, ownStride: Int,
    position: Int
  ) {
    c = ops_sequence(
      shared_offset: sharedOffset, shared_stride: sharedStride, shared_blocks: sharedBlocks,
      own_offset: ownOffset, own_stride: ownStride, position: position)
  }

  public var sharedOffset: Int { c.shared_offset }
  public var sharedStride: Int { c.shared_stride }
  public var sharedBlocks: Int { c.shared_blocks }
  public var ownOffset: Int { c.own_offset }
  public var ownStride: Int { c.own_stride }
  public var position: Int {
    get { c.position }
    set { c.position = newValue }
  }
}

/// A row whose logits are needed, and the range of targets that they score.
public struct HeadRow: Sendable {
  var c: ops_head_row

  public init(row: Int, targets: Range<Int>) {
    c = ops_head_row(row: row, first_target: targets.lowerBound, targets: targets.count)
  }

  public var row: Int { c.row }
}

/// A token to be scored, and the index of its numbers in the arrays of the call.
public struct HeadTarget: Sendable {
  var c: ops_target

  public init(index: Int, token: Int32) { c = ops_target(index: index, token: token) }
}

/// How a token is drawn; `ops_sampling` in `ops.h` says how the filters follow each other.
public struct SamplingFilters: Sendable {
  var c: ops_sampling

  public init(temperature: Float, topK: Int, topP: Float, minP: Float, tokenLimit: Int) {
    precondition(
      tokenLimit > 0 && topK >= 0, "SamplingFilters: \(tokenLimit) tokens, top-k \(topK)")
    c = ops_sampling(
      temperature: temperature, top_k: topK, top_p: topP, min_p: minP, token_limit: tokenLimit)
  }
}

/// What was drawn from one row of logits.
public struct DrawnToken: Sendable {
  var c = ops_drawn()

  init() {}

  public var token: Int32 { c.token }
  /// log softmax(z / T) of the token, before the filters.
  public var logProbability: Float { c.log_probability }
  /// Its log-probability under what the filters left.
  public var filteredLogProbability: Float { c.filtered_log_probability }
  /// Of softmax(z / T), in nats.
  public var entropy: Float { c.entropy }
}

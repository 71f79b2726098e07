import COps

/// Where the low-rank updates of one layer's products stand in the flat tensor of an adapter.
public struct AdapterOffsets: Sendable {
  /// Of A `[rank, in]` and B `[out, rank]` of one product.
  public struct Update: Sendable {
    public var a: Int
    public var b: Int

    public init(a: Int, b: Int) {
      self.a = a
      self.b = b
    }
  }

  let c: ops_layer_adapter

  /// nil for products without an update.
  public init(
    q: Update?, k: Update?, v: Update?, o: Update?, gate: Update?, up: Update?, down: Update?
  ) {
    func place(_ update: Update?) -> ops_low_rank {
      ops_low_rank(a: update?.a ?? absent, b: update?.b ?? 0)
    }
    c = ops_layer_adapter(
      q: place(q), k: place(k), v: place(v), o: place(o), gate: place(gate), up: place(up),
      down: place(down))
  }
}

/// What stands beside the products of one layer: `Y += scale (X Aᵀ) Bᵀ`. The layer's own parameters are
/// frozen then, and the backward pass adds to this gradient alone.
public struct LayerAdapter {
  /// Dropout before A, while training (arXiv 1207.0580).
  public struct Dropout: Sendable {
    let rate: Float
    let key: UInt64

    /// - Parameters:
    ///   - rate: share of the values that are 0, above 0 and below 1.
    ///   - key: the same one drops the same values, in the forward and in the backward pass.
    public init(rate: Float, key: UInt64) {
      precondition(rate > 0 && rate < 1, "a dropout of \(rate)")
      self.rate = rate
      self.key = key
    }
  }

  public let rank: Int
  let scale: Float
  let dropout: Dropout?
  let offsets: AdapterOffsets
  let values: Tensor
  let gradient: Tensor?

  /// - Parameters:
  ///   - values: f32, of all layers.
  ///   - gradient: of `values`; the backward pass needs it.
  public init(
    rank: Int, scale: Float, dropout: Dropout? = nil, offsets: AdapterOffsets, values: Tensor,
    gradient: Tensor? = nil
  ) {
    precondition(values.type == .f32, "an adapter in \(values.type)")
    precondition(
      gradient.map { $0.count == values.count } ?? true, "a gradient of another adapter")
    self.rank = rank
    self.scale = scale
    self.dropout = dropout
    self.offsets = offsets
    self.values = values
    self.gradient = gradient
  }
}

/// The adapter as the operators take it, NULL for none.
func withAdapter<T>(
  _ adapter: LayerAdapter?, _ body: (UnsafePointer<ops_adapter>?) -> T
) -> T {
  guard let adapter else { return body(nil) }
  return unsafe withUnsafePointer(to: adapter.offsets.c) { layer in
    var c = unsafe ops_adapter(
      rank: adapter.rank, scale: adapter.scale, dropout: adapter.dropout?.rate ?? 0,
      dropout_key: adapter.dropout?.key ?? 0, layer: layer, values: adapter.values.handle,
      gradient: adapter.gradient?.handle)
    return unsafe withUnsafePointer(to: &c) { unsafe body($0) }
  }
}

import Operators

/// Tensors that are kept between calls and only grow: small models would lose their time to
/// allocation and page faults otherwise.
struct Buffers {
  private var tensors: [String: Tensor] = [:]

  /// A tensor of at least `count` values with unknown contents, the same one for the same name.
  mutating func tensor(_ name: String, count: Int, _ compute: Compute) -> Tensor {
    if let tensor = tensors[name], tensor.count >= count { return tensor }
    tensors[name] = nil  // its memory goes back before the larger one comes
    let tensor = Tensor(count: count, compute: compute)
    tensors[name] = tensor
    return tensor
  }

  /// The same for `rows` rows of `width`.
  mutating func rows(_ name: String, _ rows: Int, _ width: Int, _ compute: Compute) -> Tensor {
    tensor(name, count: rows * width, compute)
  }

  mutating func release() { tensors = [:] }
}

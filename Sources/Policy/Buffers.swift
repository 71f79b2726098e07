import Operators

/// Tensors that are kept between calls and only grow: small models would lose their time to
/// allocation and page faults otherwise.
struct Buffers {
  private var tensors: [String: Tensor] = [:]

  /// A tensor of at least `count` values with unknown contents, the same one for the same name.
  mutating func tensor(_ name: String, count: Int, _ compute: Compute) -> Tensor {
    held(name, count: count) { Tensor(count: count, compute: compute) }
  }

  /// A tensor of `rows` rows of `width`, with room for whole tiles.
  mutating func rows(_ name: String, _ rows: Int, _ width: Int, _ compute: Compute) -> Tensor {
    held(name, count: rowCapacity(rows) * width) {
      Tensor(rows: rows, width: width, compute: compute)
    }
  }

  private mutating func held(_ name: String, count: Int, make: () -> Tensor) -> Tensor {
    if let tensor = tensors[name], tensor.count >= count { return tensor }
    tensors[name] = nil  // its memory goes back before the larger one comes
    let tensor = make()
    tensors[name] = tensor
    return tensor
  }

  mutating func release() { tensors = [:] }
}

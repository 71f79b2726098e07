import Operators

/// How a model that is read from a directory holds its parameters.
public enum HeldWeights: Sendable {
  /// In f32: what training needs, and the fastest products.
  case widened
  /// As they are stored, widened a piece at a time as they are used: half the memory for a model in
  /// BF16 or F16. Where tensors are stored in more than one type, in f32.
  case stored
}

extension StoredModel {
  /// Elements that are read at once: a few megabytes.
  private static var piece: Int { 1 << 20 }

  /// How `held` holds this model.
  func type(_ held: HeldWeights) -> TensorType {
    guard held == .stored, let storage = tensors.first?.storage,
      tensors.allSatisfy({ $0.storage == storage })
    else { return .f32 }
    return storage.tensorType
  }

  /// All parameters, one after the other. Memory: the tensor that is returned, and small pieces.
  /// - Throws: `ModelDirectoryError`, also where a tied model holds another `lm_head.weight` than its
  ///   embedding.
  func weights(_ held: HeldWeights, compute: Compute) throws(ModelDirectoryError) -> Tensor {
    try checkTiedHead()
    let type = type(held)
    let weights = Tensor(
      count: tensors.reduce(0) { $0 + $1.count }, type: type, compute: compute)
    var start = 0
    for (index, tensor) in tensors.enumerated() {
      for from in stride(from: 0, to: tensor.count, by: Self.piece) {
        let range = from..<min(from + Self.piece, tensor.count)
        if type == .f32 {
          weights.write(try values(index, range), at: start + from)
        } else {
          let bytes = try storedBytes(index, range)
          unsafe bytes.withUnsafeBytes { unsafe weights.write(stored: $0, at: start + from) }
        }
      }
      start += tensor.count
    }
    return weights
  }
}

extension WeightStorage {
  var tensorType: TensorType {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    }
  }
}

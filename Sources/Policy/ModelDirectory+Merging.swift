import Dispatch
import Synchronization

extension ModelDirectory {
  /// Writes the model that a base with an adapter is: `W + scale · B A` for every target, computed in
  /// f32 and rounded once to the base's storage type (F32 where the base holds several), everything
  /// else as it is. Memory: the adapter and pieces of a tensor.
  /// - Throws: `ModelDirectoryError`; `inconsistent` where the adapter names another base's digest.
  public static func merge(
    _ base: StoredModel, _ stored: StoredAdapter, to path: String, shardBytes: Int
  ) throws(ModelDirectoryError) {
    guard base.configuration.architecture.head == .languageModel else {
      throw .unsupportedAdapter(
        base.path, "architectures", "is a critic; adapters stand on policies")
    }
    let adapter = try stored.adapter(of: base.configuration)
    try base.checkTiedHead()
    if let wanted = adapter.base.digest {
      try require(wanted, of: base, for: stored)
    }
    let storages = Set(base.tensors.map(\.storage))
    let update = AdapterUpdate(adapter, of: base.configuration)
    try make(at: path) { (folder) throws(ModelDirectoryError) in
      try write(
        base.configuration, to: folder, tokenizerFrom: base.path,
        storage: storages.count == 1 ? storages.first ?? .f32 : .f32, shardBytes: shardBytes
      ) { (tensor, range) throws(ModelDirectoryError) in
        var values = try base.values(tensor, range)
        update.add(to: &values, range, of: base.tensors[tensor].name)
        return values
      }
    }
  }

  private static func require(
    _ digest: [UInt8], of base: StoredModel, for adapter: StoredAdapter
  ) throws(ModelDirectoryError) {
    let found = try base.weightsDigest()
    guard found != digest else { return }
    throw .otherBase(adapter.path, base: base.path, found: found, wanted: digest)
  }
}

/// Adds the update of an adapter to the weights it stands beside.
struct AdapterUpdate {
  private struct Factors {
    var a: ArraySlice<Float>
    var b: ArraySlice<Float>
    var input: Int
  }

  /// By the name of the weight.
  private var factors: [String: Factors] = [:]
  private let rank: Int
  private let scale: Float

  init(_ adapter: Adapter, of model: ModelConfiguration) {
    rank = adapter.settings.rank
    scale = Float(adapter.settings.scale)
    let tensors = adapter.settings.tensors(of: model)
    var ranges: [String: Range<Int>] = [:]
    for (tensor, start) in zip(tensors, SafetensorsWriter.offsets(of: tensors)) {
      ranges[tensor.name] = start..<start + tensor.count
    }
    for layer in 0..<model.layerCount {
      for target in adapter.settings.targets {
        let names = target.factors(layer: layer)
        guard let a = ranges[names.a], let b = ranges[names.b] else {
          preconditionFailure("no tensor \(names)")
        }
        factors[target.parameter(layer: layer) + ".weight"] = Factors(
          a: adapter.values[a], b: adapter.values[b], input: target.widths(model).input)
      }
    }
  }

  /// Adds to elements `range` of the weight called `name`, on all cores. Each element is the sum over
  /// the rank in its order, whatever the range.
  func add(to values: inout [Float], _ range: Range<Int>, of name: String) {
    guard let factors = factors[name], !range.isEmpty else { return }
    let input = factors.input
    let rows = range.lowerBound / input..<(range.upperBound - 1) / input + 1
    let done = Mutex([[Float]](repeating: [], count: rows.count))
    DispatchQueue.concurrentPerform(iterations: rows.count) { row in
      let sums = update(factors, row: rows.lowerBound + row)
      done.withLock { $0[row] = sums }
    }
    let updates = done.withLock { $0 }
    for index in range {
      values[index - range.lowerBound] += updates[index / input - rows.lowerBound][index % input]
    }
  }

  /// One row of `scale · B A`.
  private func update(_ factors: Factors, row: Int) -> [Float] {
    var sums = [Float](repeating: 0, count: factors.input)
    for j in 0..<rank {
      let b = factors.b[factors.b.startIndex + row * rank + j]
      let first = factors.a.startIndex + j * factors.input
      for i in sums.indices { sums[i] += b * factors.a[first + i] }
    }
    for i in sums.indices { sums[i] *= scale }
    return sums
  }
}

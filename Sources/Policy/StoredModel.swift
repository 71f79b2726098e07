import Digest
import Records

/// A model directory that is open: its configuration is read, its files' headers are checked against
/// it, and values are read as they are asked for.
public struct StoredModel {
  /// A tensor as it is stored.
  public struct StoredTensor: Sendable, Equatable {
    public var name: String
    public var shape: [Int]
    public var storage: WeightStorage
    /// Name of its file in the directory.
    public var file: String

    public var count: Int { shape.reduce(1, *) }
    public var bytes: Int { count * storage.stride }
  }

  public let path: String
  public let configuration: ModelConfiguration
  /// In the order of `configuration.parameters`.
  public let tensors: [StoredTensor]
  private let weights: ModelDirectoryWeights
  private let held: [ModelDirectoryWeights.Held]

  /// Opens the directory; reads no weights.
  ///
  /// `model.safetensors` is taken if it is there, as transformers does, else the shards that
  /// `model.safetensors.index.json` names.
  /// - Throws: `ModelDirectoryError`, which names the file, tensor or field: one that is missing, that
  ///   the architecture does not have, or of another shape than config.json says.
  public init(opening path: String) throws(ModelDirectoryError) {
    self.path = path
    if StoredAdapter.stands(at: path), !ModelDirectoryWeights.stand(at: path) {
      throw .file(
        path, "holds an adapter and no model",
        remedy: "Merge it with its base: `pipeline model merge BASE \(path) --to DIR`.")
    }
    configuration = try ModelDirectory.configuration(at: path)
    weights = try ModelDirectoryWeights(directory: path)
    held = try weights.check(
      against: configuration.parameters, tied: configuration.tieEmbeddings)
    tensors = held.map {
      StoredTensor(
        name: $0.tensor.name, shape: $0.tensor.shape, storage: $0.storage,
        file: ($0.file.path.split(separator: "/").last).map(String.init) ?? $0.file.path)
    }
  }

  /// Elements `range` of tensor number `tensor`, widened to f32.
  public func values(_ tensor: Int, _ range: Range<Int>) throws(ModelDirectoryError) -> [Float] {
    var values = [Float](repeating: 0, count: range.count)
    try held[tensor].file.read(held[tensor].tensor, elements: range, into: &values, at: 0)
    return values
  }

  /// Elements `range` of tensor number `tensor` as they are stored, little-endian.
  func storedBytes(_ tensor: Int, _ range: Range<Int>) throws(ModelDirectoryError) -> [UInt8] {
    try held[tensor].file.bytes(of: held[tensor].tensor, elements: range)
  }

  /// All parameters, one after the other. Memory: the returned array and small pieces.
  public func parameters() throws(ModelDirectoryError) -> [Float] {
    var values = [Float](repeating: 0, count: tensors.reduce(0) { $0 + $1.count })
    var start = 0
    for (file, tensor, _) in held {
      try file.read(tensor, elements: 0..<tensor.count, into: &values, at: start)
      start += tensor.count
    }
    try checkTiedHead()
    return values
  }

  /// SHA-256 over the little-endian f32 tensors in the order of their names, as `Policy.weightsDigest`
  /// has it. Reads all weights, a piece at a time.
  public func weightsDigest() throws(ModelDirectoryError) -> [UInt8] {
    var hash = SHA256()
    let piece = 1 << 20
    for (index, tensor) in tensors.enumerated() {
      for from in stride(from: 0, to: tensor.count, by: piece) {
        let values = try values(index, from..<min(from + piece, tensor.count))
        unsafe values.withUnsafeBytes { unsafe hash.update($0) }
      }
    }
    return hash.finalize()
  }

  /// Whether every parameter has the bits of `values`. Memory: small pieces.
  public func holds(_ values: SafetensorsWriter.Values) throws(ModelDirectoryError) -> Bool {
    let piece = 1 << 20
    for (index, tensor) in tensors.enumerated() {
      for from in stride(from: 0, to: tensor.count, by: piece) {
        let range = from..<min(from + piece, tensor.count)
        let (own, wanted) = (try self.values(index, range), try values(index, range))
        guard own.elementsEqual(wanted, by: { $0.bitPattern == $1.bitPattern }) else {
          return false
        }
      }
    }
    return true
  }

  /// A tied model may hold `lm_head.weight` if it equals the embedding; reads both.
  public func checkTiedHead() throws(ModelDirectoryError) {
    if configuration.tieEmbeddings { try weights.checkTiedHead() }
  }
}

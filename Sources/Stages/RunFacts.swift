public import Queue

/// What a run is made of, as its queue's identity says it.
public struct RunFacts: Sendable, Equatable {
  /// A file of a dataset.
  public struct DataFile: Sendable, Equatable {
    /// The definition's key that names its dataset.
    public var key: String
    public var file: String
    public var rows: Int
  }

  /// SHA-256 over the definition's identity keys.
  public var definition: String
  /// Fingerprints of the datasets.
  public var data: [String]
  public var files: [DataFile]
  /// Digest of the initial weights, and SHA-256 of tokenizer.json.
  public var model: String
  public var tokenizer: String
  public var productKernel: String

  public init(of queue: Queue) throws(StageError) {
    let identity = try RunIdentity(encoded: queue.identity, at: queue.folder)
    definition = identity.definition
    data = identity.data
    files = (identity.files ?? []).map { DataFile(key: $0.key, file: $0.file, rows: $0.rows) }
    model = identity.model
    tokenizer = identity.tokenizer
    productKernel = identity.productKernel
  }
}

import Digest
public import Records
import Shards

/// Parts of a dataset by shares. A row's part follows from seed and prompt alone: rows that come later
/// move none, and rows that ask the same, case, white space and punctuation aside, stay together.
public struct DatasetSplit: Sendable {
  public struct Part: Sendable, Equatable {
    public var name: String
    /// Of all rows; shares need not sum to 1.
    public var share: Double

    public init(name: String, share: Double) {
      self.name = name
      self.share = share
    }
  }

  public let parts: [Part]
  private let seed: UInt64
  /// Upper ends of the parts in 0...1.
  private let ends: [Double]

  /// - Parameter parts: at least one, with shares above 0.
  public init(_ parts: [Part], seed: UInt64) {
    precondition(!parts.isEmpty && parts.allSatisfy { $0.share > 0 && $0.share.isFinite })
    self.parts = parts
    self.seed = seed
    let total = parts.reduce(0) { $0 + $1.share }
    var sum = 0.0
    ends = parts.map { part in
      sum += part.share
      return sum / total
    }
  }

  /// The place of the row's part.
  public func part(of row: Prompt) -> Int {
    let letters = Letters(row.content.body)
    // A prompt of signs alone has no letters to be told by.
    let key = letters.bytes.isEmpty ? Array(row.content.body.utf8) : letters.bytes
    let digest = SHA256.hash(Array("\(seed) ".utf8) + key)
    let bits = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let place = Double(bits >> 11) * 0x1p-53
    return ends.firstIndex { place < $0 } ?? ends.count - 1
  }
}

public import Records
public import Shards

/// Several datasets as one, in fixed shares that hold over every stretch of it (`Mixture`), each in its
/// own order and without repetition.
public struct DatasetMix: Sendable {
  public let sources: [Dataset]
  private let mixture: Mixture
  /// The most rows that can be had without repeating any.
  public let longest: Int

  /// - Parameter shares: of each dataset, above 0; they need not sum to 1.
  public init(_ sources: [Dataset], shares: [Double], seed: UInt64) throws(ShardError) {
    precondition(sources.count == shares.count)
    self.sources = sources
    let weights = try Mixture.weights(shares: shares)
    mixture = try Mixture(weights: weights, seed: seed)
    // Up to the first place that would take a row again; found by doubling, then by halving.
    let counts = sources.map { UInt64($0.rows) }
    let total = weights.reduce(0, +)
    let blocks = zip(counts, weights).map { $1 == 0 ? .max : $0 / $1 }.min() ?? 0
    var place = blocks * total
    while true {
      let pick = mixture[place]
      guard pick.ordinal < counts[pick.dataset] else { break }
      place += 1
    }
    longest = Int(place)
  }

  /// The row at `place` in 0..<longest; its id has the dataset's name in front, since two datasets may
  /// use the same ids.
  public func row(_ place: Int) throws(ShardError) -> Prompt {
    let pick = mixture[UInt64(place)]
    let source = sources[pick.dataset]
    var row = try source.row(Int(pick.ordinal))
    row.id = "\(source.name)/\(row.id)"
    return row
  }
}

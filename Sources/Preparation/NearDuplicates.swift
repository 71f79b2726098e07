import Randomness
public import Records
public import Shards

/// Finds rows whose prompts have almost the words of an earlier one: the Jaccard similarity of their sets
/// of three words in a row is at least the threshold.
///
/// Candidates come from MinHash with banding (Broder 1997; Leskovec, Rajaraman and Ullman, Mining of
/// Massive Datasets, 3.4): 32 bands of 4 hashes each share one with a chance of 1 − (1 − s⁴)³², 99.99999 %
/// at s = 0.8. Each candidate is then compared exactly. Memory: 256 bytes a row.
public struct NearDuplicates: RowExaminer {
  static let shingleWords = 3
  private static let bands = 32
  private static let hashesPerBand = 4
  /// Rows of a bucket that are compared: a template that thousands of rows follow stays cheap.
  private static let candidateLimit = 16

  private let source: any PromptSource
  private let threshold: Double
  private let factors: [UInt64]
  private var buckets: [UInt64: [Int32]] = [:]

  /// - Parameters:
  ///   - source: whose rows are examined, each again when another resembles it.
  ///   - threshold: in 0...1; 1 finds prompts with the same words.
  public init(in source: any PromptSource, threshold: Double = 0.8) {
    self.source = source
    self.threshold = threshold
    // Odd factors: multiplication permutes the 64-bit words.
    let stream = RandomStream(seed: 1, purpose: .dataset)
    factors = (0..<UInt64(Self.bands * Self.hashesPerBand)).map { stream.bits($0) | 1 }
  }

  public mutating func examine(
    _ row: Prompt, _ index: Int
  ) throws(ShardError) -> [(kind: DatasetCheck.Finding.Kind, problem: String)] {
    let shingles = Words(row.content.body).shingles(of: Self.shingleWords)
    guard !shingles.isEmpty else { return [] }
    var candidates: Set<Int> = []
    for (band, key) in keys(shingles).enumerated() {
      let bucket = buckets[key ^ UInt64(band), default: []]
      candidates.formUnion(bucket.map(Int.init))
      if bucket.count < Self.candidateLimit {
        buckets[key ^ UInt64(band), default: []].append(Int32(index))
      }
    }
    for other in candidates.sorted() {
      let others = Words(try source.row(other).content.body).shingles(of: Self.shingleWords)
      let shared = shingles.intersection(others).count
      let similarity = Double(shared) / Double(shingles.count + others.count - shared)
      guard similarity >= threshold else { continue }
      let percent = Int((100 * similarity).rounded(.down))
      return [
        (.nearDuplicate, "\(percent) % of its words stand at row \(other) of the dataset too")
      ]
    }
    return []
  }

  /// One key for every band.
  private func keys(_ shingles: Set<UInt64>) -> [UInt64] {
    var least = [UInt64](repeating: .max, count: factors.count)
    for shingle in shingles {
      for place in factors.indices { least[place] = min(least[place], shingle &* factors[place]) }
    }
    return stride(from: 0, to: least.count, by: Self.hashesPerBand).map { start in
      least[start..<start + Self.hashesPerBand].reduce(UInt64(start) &* 0x9E37_79B9_7F4A_7C15) {
        ($0 ^ $1) &* 0xD6E8_FEB8_6659_FD93
      }
    }
  }
}

/// The merges of a byte-pair vocabulary: which two tokens join, in which order, into which.
///
/// An open hash table over packed pairs: one probe is a multiplication and, nearly always, one cache
/// line, where a `Dictionary` hashes the key with SipHash.
struct MergeTable: Sendable {
  /// A merge's place in the list; lower goes first.
  typealias Rank = UInt32

  private var keys: [UInt64]
  private var ranks: [Rank]
  private let shift: UInt64
  /// The token that each rank makes.
  private(set) var products: [Int32] = []

  /// No pair has this key, since ids are not negative.
  private static let empty = UInt64.max

  init(capacity: Int) {
    var bits: UInt64 = 4
    while 1 << bits < 2 * capacity { bits += 1 }
    keys = Array(repeating: Self.empty, count: 1 << bits)
    ranks = Array(repeating: 0, count: 1 << bits)
    shift = 64 - bits
    products.reserveCapacity(capacity)
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Where `key` stands or would stand. The table is at most half full, so this ends.
  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    while keys[slot] != key && keys[slot] != Self.empty { slot = (slot + 1) & (keys.count - 1) }
    return slot
  }

  /// Adds the next merge. A pair that stands twice keeps its later rank, as in Hugging Face's map.
  mutating func append(_ left: Int32, _ right: Int32, product: Int32) {
    precondition(2 * products.count < keys.count, "MergeTable: more merges than announced")
    let key = Self.key(left, right)
    let slot = slot(of: key)
    keys[slot] = key
    ranks[slot] = Rank(products.count)
    products.append(product)
  }

  /// The rank of a pair's merge, or nil if the two never join.
  @inline(__always)
  func rank(_ left: Int32, _ right: Int32) -> Rank? {
    let key = Self.key(left, right)
    let slot = slot(of: key)
    return keys[slot] == key ? ranks[slot] : nil
  }
}

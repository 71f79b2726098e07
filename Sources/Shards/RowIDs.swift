import Records

/// The ids of a dataset's rows so far: of each a hash of 16 bytes, in a table that is at most seven eighths
/// full.
///
/// Two of 10^9 ids fall together by chance with a probability of 10^-20. The hash is no cryptographic one:
/// who makes two ids collide spoils his own file. Its key is this process' own, so that nobody can write
/// ids that make the table slow.
struct RowIDs {
  private typealias Hash = SIMD2<UInt64>

  private var table = [Hash](repeating: Hash(), count: 1 << 10)
  private var count = 0
  private let key = Hash(Self.word(0), Self.word(1))

  /// Swift seeds its hashes anew in each process.
  private static func word(_ number: Int) -> UInt64 {
    UInt64(truncatingIfNeeded: number.hashValue) | 1
  }

  /// - Returns: false where the id was there before.
  mutating func insert(_ id: Swift.Span<UInt8>) -> Bool {
    if count * 8 > table.count * 7 { grow() }
    let hash = hash(id)
    guard let place = Self.place(of: hash, in: table) else { return false }
    table[place] = hash
    count += 1
    return true
  }

  /// Where a hash belongs; nil where it is there.
  private static func place(of hash: Hash, in table: [Hash]) -> Int? {
    var place = Int(truncatingIfNeeded: hash.x) & (table.count - 1)
    while table[place] != Hash() {
      if table[place] == hash { return nil }
      place = (place + 1) & (table.count - 1)
    }
    return place
  }

  private mutating func grow() {
    var larger = [Hash](repeating: Hash(), count: 2 * table.count)
    for hash in table where hash != Hash() {
      if let place = Self.place(of: hash, in: larger) { larger[place] = hash }
    }
    table = larger
  }

  /// Two lanes of multiply and fold over words of eight bytes; never zero, which is an empty place.
  private func hash(_ id: Swift.Span<UInt8>) -> Hash {
    var hash = key ^ Hash(repeating: UInt64(id.count) &* 0x9E37_79B9_7F4A_7C15)
    var start = 0
    while start < id.count {
      var word: UInt64 = 0
      if start + 8 <= id.count {
        word = unsafe id.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
      } else {
        for index in start..<id.count { word = word << 8 | UInt64(id[index]) }
      }
      hash.x = Self.fold(hash.x ^ word, 0xA076_1D64_78BD_642F)
      hash.y = Self.fold(hash.y ^ word, 0xE703_7ED1_A0B4_28DB)
      start += 8
    }
    hash = Hash(Self.fold(hash.x, key.y), Self.fold(hash.y, key.x))
    hash.y |= hash == Hash() ? 1 : 0
    return hash
  }

  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  /// Adds the ids of rows as `RowCoding` writes them: the id comes first.
  mutating func insert(rowsOf shard: [UInt8]) {
    var tape = JSONTape()
    for line in shard.split(separator: UInt8(ascii: "\n")) {
      // The shard's digest is the one that its writer noted: its rows are ours.
      let id = Self.id(of: line, &tape)
      _ = insert(id.span)
    }
  }

  private static func id(of line: ArraySlice<UInt8>, _ tape: inout JSONTape) -> [UInt8] {
    // `{"id":` stands before it.
    let start = line.startIndex + 6
    var end = start + 1
    while end < line.endIndex, line[end] != UInt8(ascii: "\"") {
      end += line[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    let string = Array(line[start...min(end, line.endIndex - 1)])
    let isRead = (try? tape.read(string.span, valueLimit: 1)) != nil
    precondition(isRead, "RowIDs: a row without an id")
    return tape.content(of: 0, in: string.span)
  }
}

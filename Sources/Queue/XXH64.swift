/// A running XXH64 (xxHash specification 0.1.1), seed 0.
///
/// Finds accidental damage in what LMDB, which has no page checksums, hands back. It runs at
/// memory speed and costs 8 bytes; identities that must withstand intent use SHA-256 instead.
package struct XXH64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  private var lanes: (UInt64, UInt64, UInt64, UInt64) = (
    prime1 &+ prime2, prime2, 0, 0 &- prime1
  )
  /// Bytes that do not fill a stripe of 32 yet: the first `restCount` of these.
  private var rest = InlineArray<32, UInt8>(repeating: 0)
  private var restCount = 0
  private var length: UInt64 = 0

  package init() {}

  /// Adds bytes; any split of the same bytes gives the same value.
  package mutating func update(_ bytes: [UInt8]) { unsafe update(bytes.span.bytes) }

  package mutating func update(_ bytes: RawSpan) {
    length += UInt64(bytes.byteCount)
    var place = 0
    if restCount > 0 {
      place = min(32 - restCount, bytes.byteCount)
      keep(bytes, 0..<place)
      guard restCount == 32 else { return }
      restCount = 0
      let full = rest
      unsafe stripes(full.span.bytes)
    }
    let end = bytes.byteCount - (bytes.byteCount - place) % 32
    stripes(bytes.extracting(place..<end))
    keep(bytes, end..<bytes.byteCount)
  }

  private mutating func keep(_ bytes: RawSpan, _ range: Range<Int>) {
    for index in range {
      rest[restCount] = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      restCount += 1
    }
  }

  package func finalize() -> UInt64 {
    var hash: UInt64
    if length >= 32 {
      hash = Self.rotate(lanes.0, 1) &+ Self.rotate(lanes.1, 7)
      hash = hash &+ Self.rotate(lanes.2, 12) &+ Self.rotate(lanes.3, 18)
      for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
        hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
      }
    } else {
      hash = Self.prime5
    }
    hash = hash &+ length
    let tail = unsafe rest.span.bytes.extracting(first: restCount)
    var index = 0
    while index + 8 <= restCount {
      hash ^= Self.round(0, littleEndian(tail, at: index))
      hash = Self.rotate(hash, 27) &* Self.prime1 &+ Self.prime4
      index += 8
    }
    if index + 4 <= restCount {
      let word: UInt32 = littleEndian(tail, at: index)
      hash ^= UInt64(word) &* Self.prime1
      hash = Self.rotate(hash, 23) &* Self.prime2 &+ Self.prime3
      index += 4
    }
    while index < restCount {
      hash ^= UInt64(rest[index]) &* Self.prime5
      hash = Self.rotate(hash, 11) &* Self.prime1
      index += 1
    }
    hash = (hash ^ (hash >> 33)) &* Self.prime2
    hash = (hash ^ (hash >> 29)) &* Self.prime3
    return hash ^ (hash >> 32)
  }

  package static func hash(_ bytes: [UInt8]) -> UInt64 {
    var hash = XXH64()
    hash.update(bytes)
    return hash.finalize()
  }

  private mutating func stripes(_ bytes: RawSpan) {
    var (a, b, c, d) = lanes
    // Unaligned loads inside the span: the loop runs over whole stripes of 32 bytes.
    unsafe bytes.withUnsafeBytes { raw in
      guard var next = raw.baseAddress else { return }
      let end = unsafe next + raw.count
      while unsafe next < end {
        a = unsafe Self.round(a, Self.word(next, 0))
        b = unsafe Self.round(b, Self.word(next, 8))
        c = unsafe Self.round(c, Self.word(next, 16))
        d = unsafe Self.round(d, Self.word(next, 24))
        unsafe next += 32
      }
    }
    lanes = (a, b, c, d)
  }

  private static func word(_ raw: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* prime2, 31) &* prime1
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}

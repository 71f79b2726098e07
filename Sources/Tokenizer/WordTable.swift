/// Which words are tokens as they stand: words of a text looked up by their bytes.
///
/// Most words of prose are one token. Finding that by one probe spares their merges, and looking at
/// the bytes in place spares the copy that a `Dictionary` of arrays asks for.
struct WordTable: Sendable {
  private struct Slot {
    /// -1 where the slot is free; at most half of them are taken.
    var id: Int32
    /// The upper half of the hash, so that most other words are told apart without their bytes.
    var check: UInt32
  }

  private var slots: [Slot]
  /// Every token's bytes, one after the other; `starts` has one more entry than there are ids.
  private let bytes: [UInt8]
  private let starts: [Int]

  /// - Parameters:
  ///   - bytes: of every token, shared with the model and not copied.
  ///   - capacity: most words.
  init(bytes: [UInt8], starts: [Int], capacity: Int) {
    (self.bytes, self.starts) = (bytes, starts)
    var count = 16
    while count < 2 * capacity { count *= 2 }
    slots = Array(repeating: Slot(id: -1, check: 0), count: count)
  }

  /// FNV-1a over eight bytes at a time, with the length, stirred once more.
  @inline(__always)
  private static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(range.count)
    var block: UInt64 = 0
    for index in range {
      block = block << 8 | UInt64(bytes[index])
      if (index - range.lowerBound) & 7 == 7 {
        hash = (hash ^ block) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
        block = 0
      }
    }
    hash = (hash ^ block) &* 0x9E37_79B9_7F4A_7C15
    return hash ^ hash >> 32
  }

  /// Adds a token, whose bytes are those of no other one here.
  mutating func insert(_ id: Int32) {
    let hash = Self.hash(bytes, starts[Int(id)]..<starts[Int(id) + 1])
    var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[place].id >= 0 { place = (place + 1) & (slots.count - 1) }
    slots[place] = Slot(id: id, check: UInt32(truncatingIfNeeded: hash >> 32))
  }

  /// The token that is `text[range]`, or nil.
  @inline(__always)
  func id(of text: [UInt8], _ range: Range<Int>) -> Int32? {
    let hash = Self.hash(text, range)
    let check = UInt32(truncatingIfNeeded: hash >> 32)
    var place = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while true {
      let slot = slots[place]
      if slot.id < 0 { return nil }
      if slot.check == check, spells(slot.id, text, range) { return slot.id }
      place = (place + 1) & (slots.count - 1)
    }
  }

  @inline(__always)
  private func spells(_ id: Int32, _ text: [UInt8], _ range: Range<Int>) -> Bool {
    let start = starts[Int(id)]
    guard starts[Int(id) + 1] - start == range.count else { return false }
    for offset in 0..<range.count where bytes[start + offset] != text[range.lowerBound + offset] {
      return false
    }
    return true
  }
}

/// SplitMix64, seeded: the same inputs on every run.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Changes inputs so that they stay close to what a reader accepts: most of a mutated input is
/// whole, so the reader comes far before it meets the damage.
struct Mutator {
  private var random: Seeded
  /// Pieces of the format: names, brackets, numbers at the edges.
  private let words: [[UInt8]]

  init(seed: UInt64, words: [String]) {
    random = Seeded(state: seed)
    self.words = (words + Self.edges).map { Array($0.utf8) }
  }

  private static let edges = [
    "0", "-1", "1e999", "-0", "9223372036854775807", "9223372036854775808", "4294967296", "1e-400",
    "18446744073709551615", "0.5", "null", "true", "\"\"", "[]", "{}", "\u{0}", "\u{FEFF}",
    "\u{202E}", "\\ud800", "\\u0000",
  ]

  /// - Parameter other: another input, for splices.
  mutating func mutated(_ input: [UInt8], with other: [UInt8]) -> [UInt8] {
    var bytes = input
    for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes, other) }
    // Repetition feeds on itself; what is long is tested by hand.
    return bytes.count > 1 << 16 ? Array(bytes.prefix(1 << 16)) : bytes
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

  private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = other
      return
    }
    let at = below(bytes.count)
    let range = at..<min(bytes.count, at + 1 + below(16))
    switch below(11) {
    case 0: bytes[at] ^= 1 << UInt8(below(8))
    case 1:
      bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())][below(6)]
    case 2: bytes.insert(contentsOf: word(), at: at)
    case 3: bytes.replaceSubrange(range, with: word())
    case 4: bytes.removeSubrange(range)
    case 5: bytes.insert(contentsOf: bytes[range], at: below(bytes.count))
    case 6: number(at, &bytes)
    case 7:
      // A value, with all that it holds, in the place of another one.
      bytes.replaceSubrange(value(in: bytes, near: at), with: other[value(in: other, near: nil)])
    case 8: bytes.insert(contentsOf: bytes[value(in: bytes, near: at)], at: at)
    case 9:
      let word = word()
      bytes.insert(contentsOf: (0..<1 << below(10)).flatMap { _ in word }, at: at)
    default: bytes.removeSubrange(at...)
    }
  }

  private mutating func word() -> [UInt8] { words[below(words.count)] }

  /// An integer of 1 to 8 bytes at the edge of its range, little-endian, or a long LEB128.
  private mutating func number(_ at: Int, _ bytes: inout [UInt8]) {
    let width = [1, 2, 4, 8][below(4)]
    let value: UInt64 = [0, 1, .max, .max >> 1, 1 << 31, 1 << 32, UInt64(bytes.count), 1 << 62][
      below(8)]
    for index in 0..<min(width, bytes.count - at) {
      bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      if below(8) == 0 { bytes[at + index] |= 0x80 }
    }
  }

  /// A bracketed range, a quoted text or a word of `bytes`, whichever stands at a place.
  private mutating func value(in bytes: [UInt8], near place: Int?) -> Range<Int> {
    guard !bytes.isEmpty else { return 0..<0 }
    let start = place ?? below(bytes.count)
    let open: [UInt8: UInt8] = [
      UInt8(ascii: "{"): UInt8(ascii: "}"), UInt8(ascii: "["): UInt8(ascii: "]"),
    ]
    guard let first = bytes[start...].firstIndex(where: { open[$0] != nil || $0 == 0x22 }) else {
      return start..<min(bytes.count, start + 4)
    }
    var depth = 0
    for index in first..<bytes.count {
      let byte = bytes[index]
      if bytes[first] == 0x22 {
        if index > first, byte == 0x22 { return first..<index + 1 }
      } else {
        if byte == bytes[first] { depth += 1 }
        if byte == open[bytes[first]] { depth -= 1 }
        if depth == 0 { return first..<index + 1 }
      }
    }
    return first..<bytes.count
  }
}

/// A text as near duplicates compare it: its words without case, white space and what punctuates
/// sentences. Signs that mathematics needs are words, so that `2 - 3` and `2 + 3` differ.
struct Words {
  /// Ends of words in `bytes`.
  private var ends: [Int] = []
  private var bytes: [UInt8] = []

  var count: Int { ends.count }

  init(_ text: String) {
    var scalars = text.lowercased().unicodeScalars[...]
    var isOpen = false
    var before: Unicode.Scalar = " "
    while let scalar = scalars.popFirst() {
      let isWord = Self.isWordPart(scalar)
      // The point of 1.5, and the comma of 1,000, which is dropped.
      let isWithin =
        (scalar == "." || scalar == ",") && before.properties.numericType != nil
        && scalars.first?.properties.numericType != nil
      if isOpen, !isWord, !isWithin { close(&isOpen) }
      if isWord || (isWithin && scalar == ".") {
        bytes += Array(String(scalar).utf8)
        isOpen = true
      } else if !isWithin, Self.isSign(scalar, before, scalars.first) {
        bytes += Array(String(scalar).utf8)
        isOpen = true
        close(&isOpen)
      }
      before = scalar
    }
    if isOpen { close(&isOpen) }
  }

  /// A hash of the words from `start` on, `length` of them.
  func hash(from start: Int, length: Int) -> UInt64 {
    let first = start == 0 ? 0 : ends[start - 1]
    return Self.hash(bytes[first..<ends[min(start + length, ends.count) - 1]])
  }

  /// Hashes of all runs of `length` words; of fewer words one, of all.
  func shingles(of length: Int) -> Set<UInt64> {
    guard count > 0 else { return [] }
    return Set((0...max(0, count - length)).map { hash(from: $0, length: length) })
  }

  private mutating func close(_ isOpen: inout Bool) {
    // Between words, so that `ab c` and `a bc` differ.
    bytes.append(0x20)
    ends.append(bytes.count)
    isOpen = false
  }

  private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  /// Symbols, but for those of sentences and of LaTeX's spelling; a hyphen between letters joins words.
  private static func isSign(
    _ scalar: Unicode.Scalar, _ before: Unicode.Scalar, _ after: Unicode.Scalar?
  ) -> Bool {
    if scalar == "-" {
      return !before.properties.isAlphabetic || !(after?.properties.isAlphabetic ?? false)
    }
    switch scalar.properties.generalCategory {
    case .mathSymbol, .currencySymbol, .otherSymbol, .modifierSymbol: return scalar != "`"
    case .otherPunctuation: return "*/%&@#".unicodeScalars.contains(scalar)
    default: return false
    }
  }

  /// FNV-1a with a final mixing, since its high bits alone are weak.
  private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash ^= hash >> 32
    hash &*= 0xD6E8_FEB8_6659_FD93
    return hash ^ hash >> 32
  }
}

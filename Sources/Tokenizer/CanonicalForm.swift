/// Unicode's composed normal form, NFC, of Unicode 9 (Unicode Standard Annex 15).
///
/// Not a newer one, because ids must be those of Hugging Face's tokenizers, whose tables (the Rust
/// crate unicode-normalization-alignments) are of Unicode 9: a later combining mark stays where it
/// stands. Not Foundation's, which composes U+2005A and U+0301 to U+0179 as if the first were U+005A.
enum CanonicalForm {
  /// `bytes` in NFC, or nil if they surely are already.
  ///
  /// Nothing below U+0300 composes or reorders, and only bytes from 0xCC on begin such a character:
  /// most texts are passed by this test alone.
  static func composed(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    guard bytes.contains(where: { $0 >= 0xCC }) else { return nil }
    return Array(composed(String(decoding: bytes, as: UTF8.self)).utf8)
  }

  /// The text in NFC: decomposed, marks put in order, composed again.
  static func composed(_ text: String) -> String {
    var marked: [Marked] = []
    marked.reserveCapacity(text.utf8.count / 2)
    for scalar in text.unicodeScalars { decompose(scalar, into: &marked) }
    order(&marked)
    var result = String.UnicodeScalarView()
    for part in compose(marked) { result.append(part) }
    return String(result)
  }

  /// A scalar with its combining class; 0 is a starter.
  private typealias Marked = (scalar: Unicode.Scalar, combining: UInt8)

  /// Full decompositions, each in order, and the pairs that compose.
  private static let tables:
    (parts: [Unicode.Scalar: [Unicode.Scalar]], pairs: [UInt64: Unicode.Scalar]) = {
      var parts: [Unicode.Scalar: [Unicode.Scalar]] = [:]
      var pairs: [UInt64: Unicode.Scalar] = [:]
      for entry in CanonicalMappings.entries() {
        parts[entry.scalar] = entry.parts
        if entry.composes { pairs[key(entry.parts[0], entry.parts[1])] = entry.scalar }
      }
      func full(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        parts[scalar].map { $0.flatMap(full) } ?? [scalar]
      }
      return (parts.mapValues { $0.flatMap(full) }, pairs)
    }()

  private static func key(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> UInt64 {
    UInt64(first.value) << 32 | UInt64(second.value)
  }

  /// The canonical combining class in Unicode 9; 0 for what that version does not know.
  private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
    guard scalar.value >= 0x300 else { return 0 }
    let properties = scalar.properties
    let combining = properties.canonicalCombiningClass.rawValue
    return combining == 0 || (properties.age?.major ?? .max) > 9 ? 0 : combining
  }

  private static func decompose(_ scalar: Unicode.Scalar, into marked: inout [Marked]) {
    if scalar.value < 0xC0 {
      marked.append((scalar, 0))
    } else if let syllable = Hangul.decomposed(scalar) {
      for part in syllable { marked.append((part, 0)) }
    } else if let parts = tables.parts[scalar] {
      for part in parts { marked.append((part, combiningClass(part))) }
    } else {
      marked.append((scalar, combiningClass(scalar)))
    }
  }

  /// Sorts each run of marks by class; marks of one class keep their order.
  ///
  /// A sort and not an insertion, so that a megabyte of marks stays near-linear.
  private static func order(_ marked: inout [Marked]) {
    var start = 0
    while start < marked.count {
      guard marked[start].combining != 0 else {
        start += 1
        continue
      }
      var end = start + 1
      while end < marked.count, marked[end].combining != 0 { end += 1 }
      if end - start > 1 {
        let run = marked[start..<end].enumerated().sorted {
          ($0.element.combining, $0.offset) < ($1.element.combining, $1.offset)
        }
        marked.replaceSubrange(start..<end, with: run.map(\.element))
      }
      start = end
    }
  }

  /// Joins each scalar to the last starter where they compose and nothing between them blocks it.
  private static func compose(_ marked: [Marked]) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(marked.count)
    var starter: Int?
    // The class of what stands last behind the starter; nil if nothing does.
    var last: UInt8?
    for (scalar, combining) in marked {
      // Blocked by a mark of the same or a higher class, or by a starter.
      let isBlocked = last.map { $0 >= combining } ?? false
      if let starter, !isBlocked, let joined = pair(result[starter], scalar) {
        result[starter] = joined
        continue
      }
      if combining == 0 {
        starter = result.count
        last = nil
      } else {
        last = combining
      }
      result.append(scalar)
    }
    return result
  }

  private static func pair(
    _ first: Unicode.Scalar, _ second: Unicode.Scalar
  ) -> Unicode.Scalar? {
    // No second half lies below U+0300.
    guard second.value >= 0x300 else { return nil }
    return Hangul.composed(first, second) ?? tables.pairs[key(first, second)]
  }
}

/// Hangul syllables, whose mappings are arithmetic (Unicode Standard, section 3.12).
private enum Hangul {
  private static let syllables: UInt32 = 0xAC00
  private static let leading: UInt32 = 0x1100
  private static let vowels: UInt32 = 0x1161
  /// One below the first trailing consonant: offset 0 means none.
  private static let trailing: UInt32 = 0x11A7
  private static let leadingCount: UInt32 = 19
  private static let vowelCount: UInt32 = 21
  private static let trailingCount: UInt32 = 28
  private static let syllableCount = leadingCount * vowelCount * trailingCount

  /// Two or three letters, or nil if `scalar` is no syllable.
  static func decomposed(_ scalar: Unicode.Scalar) -> [Unicode.Scalar]? {
    guard scalar.value >= syllables, scalar.value < syllables + syllableCount else { return nil }
    let index = scalar.value - syllables
    let values = [
      leading + index / (vowelCount * trailingCount),
      vowels + index / trailingCount % vowelCount,
      trailing + index % trailingCount,
    ]
    return values.prefix(index % trailingCount == 0 ? 2 : 3).compactMap(Unicode.Scalar.init)
  }

  /// A leading consonant with a vowel, or a syllable without trailing consonant with one.
  static func composed(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    if first.value >= leading, first.value < leading + leadingCount, second.value >= vowels,
      second.value < vowels + vowelCount
    {
      let index = (first.value - leading) * vowelCount + second.value - vowels
      return Unicode.Scalar(syllables + index * trailingCount)
    }
    guard first.value >= syllables, first.value < syllables + syllableCount,
      (first.value - syllables) % trailingCount == 0, second.value > trailing,
      second.value < trailing + trailingCount
    else { return nil }
    return Unicode.Scalar(first.value + second.value - trailing)
  }
}

import Foundation

/// Unicode's composed normal form, NFC, of Unicode 9.
///
/// Not a newer one, because ids must be those of Hugging Face's tokenizers, whose tables (the Rust
/// crate unicode-normalization-alignments) are of Unicode 9: a later combining mark stays where it
/// stands. Compared with tokenizers 0.23.3 over 1.4 million strings, every scalar among them.
enum CanonicalForm {
  /// `bytes` in NFC, or nil if they surely are already.
  ///
  /// Nothing below U+0300 composes or reorders, and only bytes from 0xCC on begin such a character:
  /// most texts are passed by this test alone.
  static func composed(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    guard bytes.contains(where: { $0 >= 0xCC }) else { return nil }
    return Array(composed(String(decoding: bytes, as: UTF8.self)).utf8)
  }

  /// The text in NFC. A scalar that Unicode 9 does not know has no decomposition and no combining
  /// class there, so it parts the text: each side is composed on its own.
  static func composed(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var run = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar.value < 0x300 || (scalar.properties.age?.major ?? .max) <= 9 {
        run.append(scalar)
      } else {
        result += String(run).precomposedStringWithCanonicalMapping.unicodeScalars
        result.append(scalar)
        run.removeAll(keepingCapacity: true)
      }
    }
    result += String(run).precomposedStringWithCanonicalMapping.unicodeScalars
    return String(result)
  }
}

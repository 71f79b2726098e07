/// The letters and digits of a text, in lower case: all that is left when white space, case and
/// punctuation may have been changed.
struct Letters {
  let bytes: [UInt8]

  init(_ text: String) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.lowercased().unicodeScalars {
      if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
        bytes += Array(String(scalar).utf8)
      }
    }
    self.bytes = bytes
  }

  /// Rolling hashes of every run of `length` bytes (Rabin and Karp): place i holds that of the run from
  /// byte i on.
  func windows(of length: Int) -> [UInt64] {
    guard length > 0, bytes.count >= length else { return [] }
    let base: UInt64 = 0x9E37_79B9_7F4A_7C15
    var highest: UInt64 = 1
    for _ in 1..<length { highest &*= base }
    var hash: UInt64 = 0
    var windows: [UInt64] = []
    windows.reserveCapacity(bytes.count - length + 1)
    for (place, byte) in bytes.enumerated() {
      // Bytes are counted from 1, or a run of zeros would be as good as none.
      if place >= length { hash &-= (UInt64(bytes[place - length]) + 1) &* highest }
      hash = hash &* base &+ UInt64(byte) &+ 1
      if place + 1 >= length { windows.append(hash) }
    }
    return windows
  }
}

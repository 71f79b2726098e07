/// UTF-8 text by byte offsets, with the few searches that extraction needs. Each is linear.
struct Bytes {
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  var count: Int { bytes.count }
  var all: Range<Int> { 0..<bytes.count }

  subscript(place: Int) -> UInt8? { bytes.indices.contains(place) ? bytes[place] : nil }

  func text(_ span: Range<Int>) -> String { String(decoding: bytes[span], as: UTF8.self) }

  func starts(_ place: Int, with text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard place >= 0, place + length <= bytes.count else { return false }
    return text.withUTF8Buffer { pattern in
      for offset in 0..<length where unsafe pattern[offset] != bytes[place + offset] {
        return false
      }
      return true
    }
  }

  /// The last place at which `text`, which is not empty, stands within `range`.
  func last(_ text: StaticString, in range: Range<Int>) -> Int? {
    let head = unsafe text.utf8Start.pointee
    var place = range.upperBound - text.utf8CodeUnitCount
    while place >= range.lowerBound {
      if bytes[place] == head, starts(place, with: text) { return place }
      place -= 1
    }
    return nil
  }

  /// The first place at which `text` stands within `range`.
  func first(_ text: StaticString, in range: Range<Int>) -> Int? {
    let head = unsafe text.utf8Start.pointee
    var place = range.lowerBound
    while place + text.utf8CodeUnitCount <= range.upperBound {
      if bytes[place] == head, starts(place, with: text) { return place }
      place += 1
    }
    return nil
  }

  /// How often `text` stands here, without overlap.
  func count(_ text: StaticString) -> Int {
    var count = 0
    var place = 0
    while let next = first(text, in: place..<bytes.count) {
      count += 1
      place = next + text.utf8CodeUnitCount
    }
    return count
  }

  /// Where `text` begins for the first or the last time within `range`; nil for an empty text.
  func place(of text: [UInt8], in range: Range<Int>, last: Bool = false) -> Int? {
    guard let head = text.first, text.count <= range.count else { return nil }
    let places = range.lowerBound...range.upperBound - text.count
    func stands(_ place: Int) -> Bool {
      bytes[place] == head && bytes[place..<place + text.count].elementsEqual(text)
    }
    return last ? places.last(where: stands) : places.first(where: stands)
  }

  /// From `place` to the end of its line.
  func line(from place: Int) -> Range<Int> {
    var end = place
    while let byte = self[end], !isLineEnd(byte) { end += 1 }
    return place..<end
  }

  /// `range` without blanks and line ends at both ends.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high, isSpace(bytes[low]) { low += 1 }
    while high > low, isSpace(bytes[high - 1]) { high -= 1 }
    return low..<high
  }
}

func isDigit(_ byte: UInt8?) -> Bool {
  guard let byte else { return false }
  return byte &- UInt8(ascii: "0") < 10
}

func isLetter(_ byte: UInt8?) -> Bool {
  guard let byte else { return false }
  return (byte | 0x20) &- UInt8(ascii: "a") < 26
}

func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

/// The phrases that announce an answer.
struct MathAnchor {
  let text: Bytes

  /// Behind the last phrase that announces an answer in the range; nil: there is none.
  func last(in range: Range<Int>) -> Int? {
    var end = range.upperBound
    let marker = text.last("####", in: range).map { $0 + 4 }
    while let place = word(in: range.lowerBound..<end) {
      if let marker, marker > place { return marker }
      if let behind = behind(place, limit: range.upperBound) { return behind }
      end = place
    }
    return marker
  }

  /// The same for `final answer` alone.
  func lastFinal(in range: Range<Int>) -> Int? {
    var end = range.upperBound
    while let place = word(in: range.lowerBound..<end) {
      if isFinal(place, range.lowerBound), let behind = behind(place, limit: range.upperBound) {
        return behind
      }
      end = place
    }
    return nil
  }

  /// The last `answer` in any case.
  private func word(in range: Range<Int>) -> Int? {
    var place = range.upperBound - 6
    while place >= range.lowerBound {
      if text.bytes[place] | 0x20 == UInt8(ascii: "a"), matches("answer", at: place) {
        return place
      }
      place -= 1
    }
    return nil
  }

  private func matches(_ word: StaticString, at place: Int) -> Bool {
    let length = word.utf8CodeUnitCount
    guard place >= 0, place + length <= text.count else { return false }
    return word.withUTF8Buffer { pattern in
      for offset in 0..<length where unsafe pattern[offset] != text.bytes[place + offset] | 0x20 {
        return false
      }
      return true
    }
  }

  private func isFinal(_ place: Int, _ floor: Int) -> Bool {
    place - 6 >= floor && matches("final", at: place - 6)
  }

  /// Behind `answer is`, `answer:`, `answer = `, `<answer>`, `**Final Answer**` and a line end.
  private func behind(_ place: Int, limit: Int) -> Int? {
    var next = place + 6
    func skip(_ isSkipped: (UInt8) -> Bool) {
      while next < limit, let byte = text[next], isSkipped(byte) { next += 1 }
    }
    if text[next] == UInt8(ascii: ">"), text[place - 1] == UInt8(ascii: "<") { return next + 1 }
    // A word of its own: not "answered", and not closed by `</answer>`.
    guard !isLetter(text[next]), text[place - 1] != UInt8(ascii: "/") else { return nil }
    skip { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: " ") }
    if text[next] == UInt8(ascii: ":") || text[next] == UInt8(ascii: "=") {
      next += 1
      skip { $0 == UInt8(ascii: "*") }
      return next
    }
    if matches("is", at: next), !isLetter(text[next + 2]) {
      next += 2
      skip { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "*") }
      return next
    }
    let isHeading = isFinal(place, 0) && (text[next].map(isLineEnd) ?? false)
    return isHeading ? next : nil
  }
}

/// Reads numbers as people and models write them: `-3`, `1,234`, `42.50`, `.5`, `3/4`, `$7`, `−2`.
struct NumberText {
  let text: Bytes

  /// A number and where it stands, the sign included and a currency sign not.
  struct Found {
    var number: ExactNumber
    var span: Range<Int>
  }

  enum Outcome {
    case found(Found)
    /// There is no number at this place.
    case absent
    /// Something that begins like a number is none: `42abc`, `1/0`, a fraction of 5,000 digits.
    case malformed(Range<Int>)
  }

  /// The number that begins at `start`, within `limit`.
  ///
  /// Behind it may stand the limit, a blank or punctuation: letters, operators, further digits and
  /// all that is not ASCII make it something else (`42abc`, `7*6`, `1,2`, `1/2/3`).
  func number(at start: Int, limit: Int) -> Outcome {
    var place = start
    var sign = skipSign(&place)
    if text[place] == UInt8(ascii: "$") {
      place += 1
      if sign == nil { sign = skipSign(&place) }
    }
    let whole = groupedDigits(&place, limit: limit)
    let places = tail(UInt8(ascii: "."), &place, limit: limit) ?? []
    guard !whole.isEmpty || !places.isEmpty else { return .absent }
    let denominator = places.isEmpty ? tail(UInt8(ascii: "/"), &place, limit: limit) : nil
    let span = start..<place
    guard endsNumber(place, limit: limit),
      let number = ExactNumber(
        isNegative: sign ?? false, whole: whole, places: places, denominator: denominator)
    else { return .malformed(span) }
    return .found(Found(number: number, span: span))
  }

  /// The last number in `range`; linear, since each part is read once.
  func last(in range: Range<Int>) -> Outcome {
    var end = range.upperBound
    while end > range.lowerBound, !isDigit(text[end - 1]) { end -= 1 }
    guard end > range.lowerBound else { return .absent }
    var start = end
    while start > range.lowerBound, let byte = text[start - 1], Self.isNumeric(byte) { start -= 1 }
    while start < end, let byte = text[start], byte != UInt8(ascii: "."), !isDigit(byte) {
      start += 1
    }
    // `10-4` ends in 4, `x = -4` in -4.
    if start > range.lowerBound, text[start - 1] == UInt8(ascii: "-") {
      let before = start - 2 >= range.lowerBound ? text[start - 2] : nil
      let joins = isDigit(before) || isLetter(before) || before == UInt8(ascii: ")")
      if !joins { start -= 1 }
    }
    while true {
      let outcome = number(at: start, limit: end)
      switch outcome {
      case .found(let found): start = found.span.upperBound
      case .malformed(let span): start = span.upperBound
      case .absent: start += 1
      }
      // `1,2,3` is several numbers: go on behind the one that was read.
      while start < end, !isDigit(text[start]) { start += 1 }
      if start >= end { return outcome }
    }
  }

  private static func isNumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ".")
      || byte == UInt8(ascii: "/")
  }

  private func endsNumber(_ place: Int, limit: Int) -> Bool {
    guard place < limit, let next = text[place] else { return true }
    switch next {
    case UInt8(ascii: "."), UInt8(ascii: ","):
      return !(place + 1 < limit && isDigit(text[place + 1]))
    case UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "!"), UInt8(ascii: "?"),
      UInt8(ascii: "%"), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"),
      UInt8(ascii: "$"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"):
      return true
    default: return isSpace(next)
    }
  }

  /// The digits behind `mark`, if both stand at `place`.
  private func tail(_ mark: UInt8, _ place: inout Int, limit: Int) -> [UInt8]? {
    guard text[place] == mark, place + 1 < limit, isDigit(text[place + 1]) else { return nil }
    place += 1
    return digits(&place, limit: limit)
  }

  /// Whether there is a minus (true), a plus (false), or neither.
  private func skipSign(_ place: inout Int) -> Bool? {
    if text[place] == UInt8(ascii: "-") {
      place += 1
      return true
    }
    if text[place] == UInt8(ascii: "+") {
      place += 1
      return false
    }
    if text.starts(place, with: "\u{2212}") {
      place += 3
      return true
    }
    return nil
  }

  private func digits(_ place: inout Int, limit: Int) -> [UInt8] {
    let start = place
    while place < limit, isDigit(text[place]) { place += 1 }
    return Array(text.bytes[start..<place])
  }

  /// Digits with commas between groups of three: `1,234,567`. A comma that does not stand before
  /// exactly three digits ends the number.
  private func groupedDigits(_ place: inout Int, limit: Int) -> [UInt8] {
    var result = digits(&place, limit: limit)
    guard (1...3).contains(result.count) else { return result }
    while text[place] == UInt8(ascii: ",") {
      var next = place + 1
      let group = digits(&next, limit: limit)
      guard group.count == 3 else { break }
      result += group
      place = next
    }
    return result
  }
}

import Mathematics

/// Finds sentences, formulas and numbers in prose.
struct MathSentence {
  let text: Bytes

  /// How far a formula or number is looked for a hedge around it, in bytes.
  private static let hedgeReach = 160

  /// From the range's start, behind blanks, to the end of the sentence or line; what stands in a
  /// formula ends neither.
  func sentence(_ range: Range<Int>) -> Range<Int> {
    let start = text.trimmed(range).lowerBound
    var place = start
    var isInDollars = false
    var formulas = 0
    while place < range.upperBound {
      let byte = text.bytes[place]
      switch byte {
      case UInt8(ascii: "$"):
        while text[place + 1] == UInt8(ascii: "$") { place += 1 }
        isInDollars.toggle()
      case UInt8(ascii: "\\"):
        let next = text[place + 1]
        if next == UInt8(ascii: "(") || next == UInt8(ascii: "[") { formulas += 1 }
        if next == UInt8(ascii: ")") || next == UInt8(ascii: "]") { formulas -= 1 }
        place += 1
      case UInt8(ascii: "<") where text[place + 1] == UInt8(ascii: "|"),
        UInt8(ascii: "<") where text[place + 1] == UInt8(ascii: "/"):
        return start..<place
      case UInt8(ascii: "."), 0x0A:
        let isEnd = byte == 0x0A || text[place + 1].map(isSpace) ?? true
        if isEnd, !isInDollars, formulas <= 0 { return start..<place }
      default: break
      }
      place += 1
    }
    return start..<range.upperBound
  }

  /// Without what prose puts around a formula: blanks, quotes, stars, a point behind.
  func bare(_ range: Range<Int>) -> Range<Int> {
    var (low, high) = (range.lowerBound, range.upperBound)
    let isDecoration = { (byte: UInt8) in
      isSpace(byte) || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "\"")
        || byte == UInt8(ascii: "`")
    }
    while low < high {
      if isDecoration(text.bytes[low]) || text.bytes[low] == UInt8(ascii: ":") {
        low += 1
      } else if text.bytes[low] == UInt8(ascii: "\\"), text[low + 1] == UInt8(ascii: "\"") {
        low += 2
      } else {
        break
      }
    }
    while high > low {
      let byte = text.bytes[high - 1]
      guard isDecoration(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",") else {
        break
      }
      high -= byte == UInt8(ascii: "\"") && high - 2 >= low && text[high - 2] == 0x5C ? 2 : 1
    }
    return low..<high
  }

  // MARK: Formulas

  /// The last `$…$`, `\(…\)`, `\[…\]` or `\begin{…}…\end{…}` in the range, whose pairs are closed.
  /// Formulas that only `and`, `or` or commas part are one.
  func lastFormula(in range: Range<Int>) -> (outer: Range<Int>, inner: Range<Int>)? {
    guard let last = singleFormula(in: range) else { return nil }
    var (outer, inner) = last
    for _ in 0..<16 {
      guard let before = singleFormula(in: range.lowerBound..<outer.lowerBound),
        isJoint(before.outer.upperBound..<outer.lowerBound)
      else { break }
      outer = before.outer.lowerBound..<outer.upperBound
      inner = before.inner.lowerBound..<inner.upperBound
    }
    return (outer, inner)
  }

  private func isJoint(_ range: Range<Int>) -> Bool {
    guard range.count <= 8 else { return false }
    let between = text.text(text.trimmed(range)).lowercased()
    return [",", "and", "or", ", and", ", or", ",and"].contains(between)
  }

  private func singleFormula(
    in range: Range<Int>
  ) -> (outer: Range<Int>, inner: Range<Int>)? {
    var place = range.upperBound - 1
    while place >= range.lowerBound {
      let byte = text.bytes[place]
      if byte == UInt8(ascii: "$"), text[place - 1] != 0x5C {
        return dollars(endingAt: place, in: range)
      }
      if byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]"), text[place - 1] == 0x5C,
        place > range.lowerBound
      {
        let opening: StaticString = byte == UInt8(ascii: ")") ? "\\(" : "\\["
        guard let start = text.last(opening, in: range.lowerBound..<place - 1) else { return nil }
        return (start..<place + 1, start + 2..<place - 1)
      }
      place -= 1
    }
    return nil
  }

  private func dollars(
    endingAt end: Int, in range: Range<Int>
  ) -> (outer: Range<Int>, inner: Range<Int>)? {
    let isDouble = end > range.lowerBound && text[end - 1] == UInt8(ascii: "$")
    var place = end - (isDouble ? 2 : 1)
    while place >= range.lowerBound {
      if text.bytes[place] == UInt8(ascii: "$"), text[place - 1] != 0x5C {
        let width = isDouble && text[place - 1] == UInt8(ascii: "$") ? 2 : 1
        return (place + 1 - width..<end + 1, place + 1..<end - (isDouble ? 1 : 0))
      }
      place -= 1
    }
    return nil
  }

  // MARK: Numbers

  /// The last number in the range with its sign, fraction and per cent sign.
  func lastNumber(in range: Range<Int>) -> Range<Int>? {
    var end = range.upperBound
    while end > range.lowerBound, !isDigit(text[end - 1]) { end -= 1 }
    guard end > range.lowerBound else { return nil }
    var start = end
    while start > range.lowerBound {
      let byte = text.bytes[start - 1]
      let isInside =
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "/")
      guard isDigit(byte) || (isInside && start < end && isDigit(text[start])) else { break }
      start -= 1
    }
    // `.5` keeps its point; a comma or slash before the digits is another's.
    while start < end, text[start] == UInt8(ascii: ",") || text[start] == UInt8(ascii: "/") {
      start += 1
    }
    if start - 3 >= range.lowerBound, text.starts(start - 3, with: "\u{2212}") { start -= 3 }
    if start > range.lowerBound, text[start - 1] == UInt8(ascii: "-") {
      let before = start - 2 >= range.lowerBound ? text[start - 2] : nil
      let isOperator = isDigit(before) || isLetter(before) || before == UInt8(ascii: ")")
      if !isOperator { start -= 1 }
    }
    if let group = group(around: start..<end, in: range) { return group }
    var sign = end
    while sign < range.upperBound, text[sign] == UInt8(ascii: " ") { sign += 1 }
    for word: StaticString in ["%", "\\%", "percent", "pct"] where text.starts(sign, with: word) {
      let behind = sign + word.utf8CodeUnitCount
      if behind <= range.upperBound { return start..<behind }
    }
    return start..<end
  }

  /// The brackets around a last number that stands in a point or an interval: `(1, 2]`.
  private func group(around number: Range<Int>, in range: Range<Int>) -> Range<Int>? {
    guard number.upperBound < range.upperBound else { return nil }
    let closing = text.bytes[number.upperBound]
    guard closing == UInt8(ascii: ")") || closing == UInt8(ascii: "]") else { return nil }
    var start = number.lowerBound
    var hasComma = false
    while start > max(range.lowerBound, number.lowerBound - Self.hedgeReach) {
      start -= 1
      let byte = text.bytes[start]
      if byte == UInt8(ascii: "(") || byte == UInt8(ascii: "[") {
        return hasComma ? start..<number.upperBound + 1 : nil
      }
      hasComma = hasComma || byte == UInt8(ascii: ",")
      let isInside =
        isDigit(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: " ")
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/")
      guard isInside else { return nil }
    }
    return nil
  }

  /// The number that begins a sentence and is followed by words: `7, because …`, not `3 + 4 = 7`.
  func leadingNumber(in range: Range<Int>) -> Range<Int>? {
    let start = bare(range).lowerBound
    var end = start
    if end < range.upperBound, text[end] == UInt8(ascii: "-") { end += 1 }
    let digits = end
    while end < range.upperBound, let byte = text[end] {
      let isInside =
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "/")
      guard isDigit(byte) || (isInside && end > digits && isDigit(text[end + 1])) else { break }
      end += 1
    }
    guard end > digits else { return nil }
    let rest = text.trimmed(end..<range.upperBound)
    guard let next = rest.isEmpty ? nil : text[rest.lowerBound] else { return start..<end }
    let isBehindBlank = rest.lowerBound > end
    let isWord = isBehindBlank && (isLetter(next) || next == UInt8(ascii: "("))
    let isMark = next == UInt8(ascii: ",") || next == UInt8(ascii: ";")
    let goesOn = ["and", "or", "to", "times", "plus", "minus"].contains {
      text.text(rest).lowercased().hasPrefix($0)
    }
    return (isWord && !goesOn) || isMark ? start..<end : nil
  }

  // MARK: Hedges

  private static let hedges: Set<String> = [
    "not", "isn't", "isnt", "never", "either", "neither", "or", "wrong", "incorrect", "maybe",
    "between", "than",
  ]

  /// Whether the sentence around a place denies it or leaves a choice.
  func isHedged(around place: Range<Int>, in range: Range<Int>) -> Bool {
    var low = place.lowerBound
    let floor = max(range.lowerBound, low - Self.hedgeReach)
    while low > floor {
      let byte = text.bytes[low - 1]
      if byte == 0x0A { break }
      if byte == UInt8(ascii: "."), text[low].map(isSpace) ?? true { break }
      low -= 1
    }
    var high = place.upperBound
    let ceiling = min(range.upperBound, high + Self.hedgeReach)
    while high < ceiling {
      let byte = text.bytes[high]
      if byte == 0x0A { break }
      if byte == UInt8(ascii: "."), text[high + 1].map(isSpace) ?? true { break }
      high += 1
    }
    for side in [low..<place.lowerBound, place.upperBound..<high] {
      for word in text.text(side).lowercased().split(whereSeparator: { " ,;:\t!?".contains($0) })
      where Self.hedges.contains(String(word)) {
        return true
      }
    }
    return false
  }
}

/// Texts brought to a form in which spelling does not count.
enum Fold {
  /// A name or word: letters in lower case, without blanks, brackets around it, a point behind.
  static func words(_ text: String) -> [UInt8] {
    words(Array(text.utf8)[...])
  }

  static func words(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result = plain(bytes).map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
    while let last = result.last, last == UInt8(ascii: ".") || last == UInt8(ascii: ":") {
      result.removeLast()
    }
    if result.count >= 3, result.first == UInt8(ascii: "("), result.last == UInt8(ascii: ")"),
      !result.dropFirst().dropLast().contains(where: { $0 == UInt8(ascii: "(") })
    {
      result = Array(result.dropFirst().dropLast())
    }
    return result
  }

  /// Without blanks, dollar signs, spacing commands, and the commands (not the words) of text.
  static func plain(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    // For each open brace whether it belongs to a text command, and is dropped.
    var braces: [Bool] = []
    var opensText = false
    var place = bytes.startIndex
    while place < bytes.endIndex {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\\"):
        var stop = place
        while stop < bytes.endIndex, Text.isLetter(bytes[stop]) { stop += 1 }
        if stop == place {
          let next = stop < bytes.endIndex ? bytes[stop] : 0
          switch next {
          case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "!"), UInt8(ascii: ":"),
            UInt8(ascii: " "), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "$"):
            place += 1
          default:
            result.append(byte)
            if next != 0 {
              result.append(next)
              place += 1
            }
          }
          continue
        }
        // The longest command has some 20 letters.
        let name =
          stop - place <= 24 ? String(decoding: bytes[place..<stop], as: UTF8.self) : ""
        if Notation.texts.contains(name) {
          opensText = true
        } else if !Notation.blanks.contains(name) {
          result.append(byte)
          result += bytes[place..<stop]
        }
        place = stop
      case UInt8(ascii: "{"):
        braces.append(opensText)
        if !opensText { result.append(byte) }
        opensText = false
      case UInt8(ascii: "}"):
        if !(braces.popLast() ?? false) { result.append(byte) }
      case UInt8(ascii: "$"): break
      default:
        if Text.isBlank(byte) { break }
        // 4 2 is not 42.
        if Text.isDigit(byte), place - 2 >= bytes.startIndex, !Text.isDigit(bytes[place - 2]),
          Text.isDigit(result.last)
        {
          result.append(0x20)
        }
        result.append(byte)
      }
    }
    return result
  }
}

import Records

/// What stands at the nodes.
extension JSONTape {
  /// The nodes of the names in an object; a name's value comes right behind it.
  package func members(of node: Int) -> [Int] {
    var names: [Int] = []
    var name = node + 1
    while name < nodes[node].next {
      names.append(name)
      name = Int(nodes[name + 1].next)
    }
    return names
  }

  /// The nodes of the elements of an array.
  package func elements(of node: Int) -> [Int] {
    var elements: [Int] = []
    var element = node + 1
    while element < nodes[node].next {
      elements.append(element)
      element = Int(nodes[element].next)
    }
    return elements
  }

  /// The value called `name` in an object; nil where there is none, or null.
  func member(_ name: StaticString, of node: Int, in text: Swift.Span<UInt8>) -> Int? {
    var place = node + 1
    while place < nodes[node].next {
      if isNamed(name, place, text), nodes[place + 1].kind != .null { return place + 1 }
      place = Int(nodes[place + 1].next)
    }
    return nil
  }

  private func isNamed(
    _ name: StaticString, _ node: Int, _ text: Swift.Span<UInt8>
  ) -> Bool {
    name.withUTF8Buffer { name in
      if nodes[node].hasEscapes { return unsafe content(of: node, in: text).elementsEqual(name) }
      let range = nodes[node].range
      guard range.count == name.count else { return false }
      for index in 0..<name.count where unsafe text[range.lowerBound + index] != name[index] {
        return false
      }
      return true
    }
  }

  /// The characters of a string, or the text of a number, as UTF-8.
  package func content(of node: Int, in text: Swift.Span<UInt8>) -> [UInt8] {
    let range = nodes[node].range
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    var place = range.lowerBound
    while place < range.upperBound {
      let end =
        nodes[node].hasEscapes
        ? min(range.upperBound, text.nextMark(from: place).end) : range.upperBound
      unsafe text.extracting(place..<end).withUnsafeBufferPointer {
        unsafe bytes.append(contentsOf: $0)
      }
      place = end
      if place < range.upperBound { Self.decodeEscape(text, &place, into: &bytes) }
    }
    return bytes
  }

  /// Passes over an escape, which is refused where it is none.
  /// - Returns: whether `JSONText` would write it so.
  static func passEscape(
    _ text: Swift.Span<UInt8>, _ place: inout Int
  ) throws(JSONError) -> Bool {
    guard place + 1 < text.count else { throw failure("a string without end", place + 1) }
    let kind = text[place + 1]
    place += 2
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "n"), UInt8(ascii: "r"),
      UInt8(ascii: "t"):
      return true
    case UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"): return false
    case UInt8(ascii: "u"):
      guard let unit = unit(text, place) else {
        throw failure("no four hexadecimal digits after `\\u`", place)
      }
      place += 4
      guard (0xD800..<0xE000).contains(unit) else { return false }
      guard unit < 0xDC00, place + 1 < text.count, text[place] == UInt8(ascii: "\\"),
        text[place + 1] == UInt8(ascii: "u"), let low = self.unit(text, place + 2),
        (0xDC00..<0xE000).contains(low)
      else { throw failure("an unpaired surrogate escape", place) }
      place += 6
      return false
    default: throw failure("an unknown escape", place)
    }
  }

  /// Decodes an escape that `passEscape` has passed.
  private static func decodeEscape(
    _ text: Swift.Span<UInt8>, _ place: inout Int, into bytes: inout [UInt8]
  ) {
    let kind = text[place + 1]
    place += 2
    switch kind {
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var value = unit(text, place) ?? 0
      place += 4
      if (0xD800..<0xDC00).contains(value) {
        value = 0x10000 + (value - 0xD800) << 10 + ((unit(text, place + 2) ?? 0xDC00) - 0xDC00)
        place += 6
      }
      guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else {
        preconditionFailure("JSONTape: the escape of \(value) was not checked")
      }
      bytes += encoded
    default: bytes.append(kind)
    }
  }

  /// Four hexadecimal digits.
  private static func unit(_ text: Swift.Span<UInt8>, _ place: Int) -> UInt32? {
    guard place + 4 <= text.count else { return nil }
    var value: UInt32 = 0
    for index in place..<place + 4 {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - 0x57)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - 0x37)
      default: return nil
      }
    }
    return value
  }
}

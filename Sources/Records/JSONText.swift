/// Builds JSON from its parts, one line of it or several.
///
/// Written here and not by `JSONEncoder`, so that the bytes (order of keys, escapes) are ours and stay the
/// same with every version of Foundation.
public struct JSONText: Sendable {
  public private(set) var bytes: [UInt8] = []
  /// Whether the next member or element needs a comma before it.
  private var follows = false

  public init() {}

  public mutating func removeAll() { cut(to: 0) }

  /// Takes back all behind the first `count` bytes, which end outside of any value.
  public mutating func cut(to count: Int) {
    bytes.removeLast(bytes.count - count)
    follows = false
  }

  /// Takes out the first `count` bytes, which end outside of any value.
  /// - Parameter buffer: takes the rest; what it held goes, its memory stays.
  public mutating func takeFirst(_ count: Int, into buffer: consuming [UInt8]) -> [UInt8] {
    buffer.removeAll(keepingCapacity: true)
    // As much will come again; growing step by step would copy it all.
    buffer.reserveCapacity(bytes.count)
    buffer += bytes[count...]
    bytes.removeLast(bytes.count - count)
    swap(&bytes, &buffer)
    return buffer
  }

  public mutating func open(_ bracket: Unicode.Scalar) {
    separate()
    bytes.append(UInt8(ascii: bracket))
    follows = false
  }

  public mutating func close(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    follows = true
  }

  /// Ends a line: what comes next is a text of its own.
  public mutating func endLine() {
    bytes.append(UInt8(ascii: "\n"))
    follows = false
  }

  public mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    follows = false
  }

  public mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }

  public mutating func list<Element>(
    _ elements: [Element], _ put: (inout JSONText, Element) -> Void
  ) {
    open("[")
    for element in elements { put(&self, element) }
    close("]")
  }

  /// A number, a truth value or `null`, as it is written.
  public mutating func literal(_ text: String) {
    separate()
    bytes += text.utf8
    follows = true
  }

  public mutating func string(_ text: String) { string(utf8: text.utf8.span) }

  /// RFC 8259 asks for escapes of the quotation mark, the reverse solidus and what is below 0x20;
  /// all else stands as UTF-8. Nobody looks whether it is UTF-8.
  public mutating func string(utf8 text: Swift.Span<UInt8>) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    var start = 0
    while start < text.count {
      let end = text.nextMark(from: start).end
      append(text, start..<end)
      if end < text.count { escape(text[end]) }
      start = end + 1
    }
    bytes.append(UInt8(ascii: "\""))
    follows = true
  }

  /// A string whose escapes are already those that `string` would write.
  public mutating func string(escaped text: Swift.Span<UInt8>, _ range: Range<Int>) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    append(text, range)
    bytes.append(UInt8(ascii: "\""))
    follows = true
  }

  private mutating func append(_ text: Swift.Span<UInt8>, _ range: Range<Int>) {
    unsafe text.extracting(range).withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }

  private mutating func separate() {
    if follows { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func escape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
    case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
    case 0..<0x20:
      let digit = { (value: UInt8) in value < 10 ? UInt8(ascii: "0") + value : 0x57 + value }
      bytes += [UInt8(ascii: "u"), 0x30, 0x30, digit(byte >> 4), digit(byte & 15)]
    default: bytes.append(byte)
    }
  }
}

import Records

/// A row as one line of JSON.
///
/// Written here and not by `JSONEncoder`, so that the bytes (order of keys, escapes) are ours and
/// stay the same with every version of Foundation.
enum RowCoding {
  /// Bytes of one row at most.
  static let byteLimit = 16 << 20
  /// Bytes of one row at least: no object with an id and a text is shorter.
  static let leastBytes = 16
  /// Values of one row, nested ones too.
  static let valueLimit = 1 << 17

  /// The fields in the order they are written.
  static let fields = [
    "id", "prompt", "messages", "ground_truth", "demonstrations", "rejected", "source", "tags",
  ]

  /// `row` as JSON without a line end.
  static func encode(_ row: Prompt) -> [UInt8] {
    var line = JSONLine()
    line.open("{")
    line.member("id", row.id)
    switch row.content {
    case .text(let text): line.member("prompt", text)
    case .messages(let messages):
      line.key("messages")
      line.list(messages) { line, message in
        line.open("{")
        line.member("role", message.role)
        line.member("content", message.content)
        line.close("}")
      }
    }
    line.member("ground_truth", row.groundTruth)
    line.key("demonstrations")
    line.list(row.demonstrations) { $0.string($1) }
    if !row.rejected.isEmpty {
      line.key("rejected")
      line.list(row.rejected) { $0.string($1) }
    }
    line.member("source", row.source)
    line.key("tags")
    line.open("{")
    for (name, value) in row.tags.sorted(by: { $0.key < $1.key }) { line.member(name, value) }
    line.close("}")
    line.close("}")
    return line.bytes
  }

  /// The row in `line`; says nothing of its text in the error.
  static func decode<Row: DatasetRow>(
    _ type: Row.Type, _ line: ArraySlice<UInt8>, at location: @autoclosure () -> String
  ) throws(ShardError) -> Row {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: Array(line), valueLimit: valueLimit)
    } catch {
      throw .row(location(), "the row is not JSON: \(error.problem)")
    }
    do {
      return try Row(row: try RowFields(json))
    } catch {
      throw .row(location(), error.text)
    }
  }
}

/// Builds one line of JSON from its parts.
struct JSONLine {
  private(set) var bytes: [UInt8] = []
  /// Whether the next member or element needs a comma before it.
  private var follows = false

  mutating func open(_ bracket: Unicode.Scalar) {
    separate()
    bytes.append(UInt8(ascii: bracket))
    follows = false
  }

  mutating func close(_ bracket: Unicode.Scalar) {
    bytes.append(UInt8(ascii: bracket))
    follows = true
  }

  mutating func key(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    follows = false
  }

  mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }

  mutating func list<Element>(
    _ elements: [Element], _ put: (inout JSONLine, Element) -> Void
  ) {
    open("[")
    for element in elements { put(&self, element) }
    close("]")
  }

  mutating func string(_ text: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 { put(byte) }
    bytes.append(UInt8(ascii: "\""))
    follows = true
  }

  private mutating func separate() {
    if follows { bytes.append(UInt8(ascii: ",")) }
  }

  /// RFC 8259 asks for escapes of the quotation mark, the reverse solidus and what is below 0x20;
  /// all else stands as UTF-8.
  private mutating func put(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): bytes += Array("\\\"".utf8)
    case UInt8(ascii: "\\"): bytes += Array("\\\\".utf8)
    case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
    case UInt8(ascii: "\r"): bytes += Array("\\r".utf8)
    case UInt8(ascii: "\t"): bytes += Array("\\t".utf8)
    case 0..<0x20:
      let digits = Array("0123456789abcdef".utf8)
      bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    default: bytes.append(byte)
    }
  }
}

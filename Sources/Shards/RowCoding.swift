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

  /// Adds `row` as JSON, without a line end.
  static func encode(_ row: Prompt, into line: inout JSONText) {
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

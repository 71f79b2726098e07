/// The program in a response: its last fenced block behind the last closing think tag.
struct CodeAnswer: Equatable {
  var code: String
  /// UTF-8 offsets of the code in the response.
  var span: Range<Int>
  /// The fence that ends it is not there.
  var isOpen: Bool

  /// nil where nothing is fenced.
  init?(in response: String) {
    let bytes = Array(response.utf8)
    let tag = Array("</think>".utf8)
    let start = bytes.indices.last { bytes[$0...].starts(with: tag) }.map { $0 + tag.count } ?? 0
    var lines: [Range<Int>] = []
    var begin = start
    while begin < bytes.count {
      let end = bytes[begin...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      lines.append(begin..<end)
      begin = end + 1
    }
    let fence = Array("```".utf8)
    var opened: Int?
    var found: (Range<Int>, isOpen: Bool)?
    for line in lines {
      let text = bytes[line].drop { $0 == UInt8(ascii: " ") }
      guard text.starts(with: fence) else { continue }
      if let from = opened {
        found = (min(from, line.lowerBound)..<line.lowerBound, false)
        opened = nil
      } else {
        opened = line.upperBound + 1
      }
    }
    if let from = opened { found = (min(from, bytes.count)..<bytes.count, true) }
    guard let found else { return nil }
    span = found.0
    isOpen = found.isOpen
    code = String(decoding: bytes[span], as: UTF8.self)
  }
}

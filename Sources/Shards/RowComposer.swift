import Records

/// Makes rows of a dataset of rows of one foreign file.
///
/// A text whose escapes are ours goes from the file's buffer to the shard's in one copy. The result is what
/// `RowCoding.encode` would write (a test compares them).
struct RowComposer {
  /// What holds for all rows of an import.
  struct Settings {
    /// In place of the rows' own source.
    var source: String?
    /// Of rows that have none.
    var defaultSource: String
    var dropsSystem: Bool
  }

  /// A text of a row: where it stands, or what was made of one.
  enum Piece {
    case node(Int)
    case made([UInt8])
  }

  typealias Turn = (role: Piece, content: Piece)

  enum Question {
    case text(Piece)
    case messages([Turn])
  }

  /// What a prompt is made of.
  struct Parts {
    var question = Question.messages([])
    var answer = Piece.made([])
    var solutions: [Piece] = []
    var rejected: [Piece] = []
  }

  let mapping: RowMapping
  let settings: Settings
  /// What ids are made of: the file's name without its endings.
  let stem: String
  private(set) var fields: KnownFields
  private(set) var tape = JSONTape()
  /// The value of each role in the row at hand; 0, the row itself, where it has none.
  private var values = [Int](repeating: 0, count: RowRole.allCases.count)
  private var tags: [(path: String, node: Int)] = []

  init(_ mapping: RowMapping, _ settings: Settings, stem: String) {
    self.mapping = mapping
    self.settings = settings
    self.stem = stem
    fields = KnownFields(mapping)
  }

  /// Adds the row in `text` to `line`, and its id to `ids`.
  /// - Parameter number: of the row in its file.
  /// - Returns: whether its prompt has messages.
  /// - Throws: what is wrong, in words without any text of the row. `line` may have a part of it then;
  ///   `ids` is as it was.
  mutating func compose(
    _ text: Swift.Span<UInt8>, number: Int, _ ids: inout RowIDs, into line: inout JSONText
  ) throws(RowFields.Problem) -> Bool {
    try read(text)
    let parts = try parts(text)
    let start = line.bytes.count
    line.open("{")
    line.key("id")
    try putID(text, number, &ids, into: &line)
    let hasMessages = put(parts.question, text, into: &line)
    line.key("ground_truth")
    put(parts.answer, text, into: &line)
    line.key("demonstrations")
    put(parts.solutions, text, into: &line)
    if !parts.rejected.isEmpty {
      line.key("rejected")
      put(parts.rejected, text, into: &line)
    }
    try putSource(text, into: &line)
    try putTags(text, into: &line)
    line.close("}")
    guard line.bytes.count - start <= RowCoding.byteLimit else {
      throw RowFields.Problem(text: "it makes a row of more than \(RowCoding.byteLimit) bytes")
    }
    return hasMessages
  }

  // MARK: Reading

  /// Finds the values of the roles, and the tags.
  private mutating func read(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) {
    do throws(JSONError) {
      try tape.read(text, valueLimit: RowCoding.valueLimit)
    } catch { throw RowFields.Problem(text: "it is not JSON: \(error.problem)") }
    guard tape.nodes[0].kind == .object else {
      throw RowFields.Problem(text: "it is not a JSON object")
    }
    for role in values.indices { values[role] = 0 }
    tags.removeAll(keepingCapacity: true)
    _ = try readMembers(of: 0, field: -1, text)
  }

  /// - Returns: the number of the field that came behind these in the row before.
  private mutating func readMembers(
    of node: Int, field parent: Int, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) -> Int {
    var name = node + 1
    var hint = parent + 1
    while name < tape.nodes[node].next {
      let field = try fields.number(of: name, in: tape, text, parent: parent, hint: hint)
      let value = name + 1
      hint = field + 1
      name = Int(tape.nodes[value].next)
      if let role = fields.fields[field].role {
        values[role.rawValue] = tape.nodes[value].kind == .null ? 0 : value
        try noteMessages(value, field, text)
        continue
      }
      switch tape.nodes[value].kind {
      case .null: break
      case .string: tags.append((fields.fields[field].path, value))
      case .object: hint = try readMembers(of: value, field: field, text)
      default: fields.passOver(field)
      }
    }
    return hint
  }

  /// What messages have besides role and content is passed over, and named.
  private mutating func noteMessages(
    _ node: Int, _ field: Int, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) {
    guard tape.nodes[node].kind == .array else { return }
    for element in tape.elements(of: node) where tape.nodes[element].kind == .object {
      let known = [
        tape.member("role", of: element, in: text), tape.member("content", of: element, in: text),
      ]
      for name in tape.members(of: element)
      where tape.nodes[name + 1].kind != .null && !known.contains(name + 1) {
        fields.passOver(
          try fields.number(of: name, in: tape, text, parent: field, hint: field + 1))
      }
    }
  }

  /// The value of a role; nil where the row has none, or null.
  func value(_ role: RowRole) -> Int? {
    let value = values[role.rawValue]
    return value == 0 ? nil : value
  }

  // MARK: Writing

  func put(_ piece: Piece, _ text: Swift.Span<UInt8>, into line: inout JSONText) {
    switch piece {
    case .made(let bytes): line.string(utf8: bytes.span)
    case .node(let node):
      if tape.nodes[node].kind == .string, tape.nodes[node].isOurs {
        line.string(escaped: text, tape.nodes[node].range)
      } else {
        line.string(utf8: tape.content(of: node, in: text).span)
      }
    }
  }

  private func put(_ pieces: [Piece], _ text: Swift.Span<UInt8>, into line: inout JSONText) {
    line.open("[")
    for piece in pieces { put(piece, text, into: &line) }
    line.close("]")
  }

  private func put(
    _ question: Question, _ text: Swift.Span<UInt8>, into line: inout JSONText
  ) -> Bool {
    switch question {
    case .text(let piece):
      line.key("prompt")
      put(piece, text, into: &line)
      return false
    case .messages(let turns):
      line.key("messages")
      line.open("[")
      for turn in turns {
        line.open("{")
        line.key("role")
        put(turn.role, text, into: &line)
        line.key("content")
        put(turn.content, text, into: &line)
        line.close("}")
      }
      line.close("]")
      return true
    }
  }

  /// The row's own id, or one made of the file's name and the row's index or number.
  private func putID(
    _ text: Swift.Span<UInt8>, _ number: Int, _ ids: inout RowIDs, into line: inout JSONText
  ) throws(RowFields.Problem) {
    if let own = try scalar(.id, text) {
      let id = content(own, text)
      guard ids.insert(id.span) else {
        throw RowFields.Problem(text: "its id stands in an earlier row too")
      }
      return put(own, text, into: &line)
    }
    var id: [UInt8]
    if let index = value(.index), tape.nodes[index].kind == .integer {
      id = Array("\(stem)-".utf8) + tape.content(of: index, in: text)
      if ids.insert(id.span) { return line.string(utf8: id.span) }
    }
    // An index can stand twice where files were joined; the row's number cannot.
    id = Array("\(stem):\(number)".utf8)
    guard ids.insert(id.span) else {
      throw RowFields.Problem(text: "the id made of its file's name stands in an earlier row too")
    }
    line.string(utf8: id.span)
  }

  private func putSource(
    _ text: Swift.Span<UInt8>, into line: inout JSONText
  ) throws(RowFields.Problem) {
    line.key("source")
    if let source = settings.source { return line.string(source) }
    guard let own = value(.source) else { return line.string(settings.defaultSource) }
    let piece = try string(own, .source)
    guard !isBlank(piece, text) else { return line.string(settings.defaultSource) }
    put(piece, text, into: &line)
  }

  private mutating func putTags(
    _ text: Swift.Span<UInt8>, into line: inout JSONText
  ) throws(RowFields.Problem) {
    if tags.count > 1 { tags.sort { $0.path < $1.path } }
    line.key("tags")
    line.open("{")
    for (index, tag) in tags.enumerated() {
      guard index == 0 || tags[index - 1].path != tag.path else {
        throw RowFields.Problem(text: "it holds two spellings of one name")
      }
      line.key(tag.path)
      put(.node(tag.node), text, into: &line)
    }
    line.close("}")
  }
}

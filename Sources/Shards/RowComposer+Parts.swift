import Records

/// What the values of a foreign row are to a prompt.
extension RowComposer {
  func parts(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) -> Parts {
    var parts = Parts()
    switch mapping.shape {
    case .gsm8k:
      let answer = try required(.answer, text)
      parts.question = try question(text)
      parts.answer = .made(try Self.behindMark(content(answer, text)))
      parts.solutions = [answer]
    case .math:
      let solution = try required(.solution, text)
      parts.question = try question(text)
      parts.answer = .made(try Self.boxed(content(solution, text)))
      parts.solutions = [solution]
    case .preference: parts = try pair(text)
    case .trl: parts = try conversation(text)
    case .temper, .verl, .hpt, .questions, .map:
      parts.question = try question(text)
      parts.answer = mapping.needsAnswer ? try required(.answer, text) : try answer(text)
      parts.solutions = try responses(.solution, text)
      parts.rejected = try responses(.rejected, text)
    }
    try dropSystem(&parts.question, text)
    return parts
  }

  // MARK: Texts

  func content(_ piece: Piece, _ text: Swift.Span<UInt8>) -> [UInt8] {
    switch piece {
    case .made(let bytes): bytes
    case .node(let node): tape.content(of: node, in: text)
    }
  }

  /// Whether there is nothing but white space.
  func isBlank(_ piece: Piece, _ text: Swift.Span<UInt8>) -> Bool {
    if case .node(let node) = piece {
      // Nearly every text begins so, and is not decoded for this.
      let range = tape.nodes[node].range
      guard !range.isEmpty else { return true }
      let first = text[range.lowerBound]
      if first > 0x20, first < 0x7F, first != UInt8(ascii: "\\") { return false }
    }
    return String(decoding: content(piece, text), as: UTF8.self).allSatisfy(\.isWhitespace)
  }

  func problem(_ role: RowRole, _ what: String) -> RowFields.Problem {
    RowFields.Problem(text: "the field \"\(mapping.paths[role] ?? "\(role)")\" \(what)")
  }

  func string(_ node: Int, _ role: RowRole) throws(RowFields.Problem) -> Piece {
    guard tape.nodes[node].kind == .string else { throw problem(role, "has another type") }
    return .node(node)
  }

  /// A text, or a number as it is written; nil where there is none.
  func scalar(
    _ role: RowRole, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) -> Piece? {
    guard let node = value(role) else { return nil }
    switch tape.nodes[node].kind {
    case .string, .integer, .number: break
    default: throw problem(role, "has another type")
    }
    guard !isBlank(.node(node), text) else { throw problem(role, "is empty") }
    return .node(node)
  }

  private func required(
    _ role: RowRole, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) -> Piece {
    guard let piece = try scalar(role, text) else { throw problem(role, "is missing or null") }
    return piece
  }

  /// The ground truth where it may be missing.
  private func answer(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) -> Piece {
    guard let node = value(.answer), !isBlank(.node(node), text) else { return .made([]) }
    return try scalar(.answer, text) ?? .made([])
  }

  // MARK: Prompts

  func question(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) -> Question {
    guard let node = value(.messages) ?? value(.prompt) else {
      throw problem(.prompt, "is missing or null")
    }
    if tape.nodes[node].kind == .array {
      return .messages(try turns(node, .prompt, text))
    }
    let piece = try string(node, .prompt)
    guard !isBlank(piece, text) else { throw problem(.prompt, "is empty") }
    return .text(piece)
  }

  /// The messages of a conversation, of which one at least says something.
  func turns(
    _ node: Int, _ role: RowRole, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) -> [Turn] {
    var turns: [Turn] = []
    var speaks = false
    for element in tape.elements(of: node) {
      guard tape.nodes[element].kind == .object,
        let name = tape.member("role", of: element, in: text),
        let content = tape.member("content", of: element, in: text),
        tape.nodes[name].kind == .string, tape.nodes[content].kind == .string
      else { throw problem(role, "is no list of messages with texts for role and content") }
      guard !isBlank(.node(name), text) else { throw problem(role, "has a message of nobody") }
      speaks = speaks || !isBlank(.node(content), text)
      turns.append((.node(name), .node(content)))
    }
    guard speaks else { throw problem(role, "is empty") }
    return turns
  }

  /// Where it is asked for, without the system message at its start.
  private func dropSystem(
    _ question: inout Question, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) {
    guard settings.dropsSystem, case .messages(let turns) = question else { return }
    let rest = turns.drop { `is`($0, "system", text) }
    guard !rest.isEmpty else { throw problem(.prompt, "has a system message alone") }
    question = .messages(Array(rest))
  }

  func `is`(_ turn: Turn, _ role: String, _ text: Swift.Span<UInt8>) -> Bool {
    content(turn.role, text).elementsEqual(role.utf8)
  }

  // MARK: Responses

  /// A text, a list of texts, or a list of one assistant message; none where there is none.
  func responses(
    _ role: RowRole, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) -> [Piece] {
    guard let node = value(role) else { return [] }
    var pieces: [Piece] = []
    if tape.nodes[node].kind == .array {
      let elements = tape.elements(of: node)
      if let first = elements.first, tape.nodes[first].kind == .object {
        let turns = try turns(node, role, text)
        guard turns.count == 1, `is`(turns[0], "assistant", text) else {
          throw problem(role, "is not one message of an assistant")
        }
        pieces = [turns[0].content]
      } else {
        for element in elements { pieces.append(try string(element, role)) }
      }
    } else {
      pieces = [try string(node, role)]
    }
    for piece in pieces where isBlank(piece, text) { throw problem(role, "is empty") }
    return pieces
  }

  /// TRL: a whole conversation, whose last message is the demonstration where an assistant says it; or a
  /// prompt with a completion.
  private func conversation(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) -> Parts {
    if let label = tape.member("label", of: 0, in: text), tape.nodes[label].kind == .no {
      throw RowFields.Problem(text: "its completion is labelled false, which no demonstration is")
    }
    var parts = Parts()
    parts.question = try question(text)
    parts.answer = try answer(text)
    parts.solutions = try responses(.solution, text)
    guard case .messages(let turns) = parts.question, parts.solutions.isEmpty,
      let last = turns.last, `is`(last, "assistant", text)
    else { return parts }
    guard turns.count > 1 else { throw problem(.prompt, "has no question") }
    guard !isBlank(last.content, text) else { throw problem(.prompt, "ends in an empty message") }
    parts.question = .messages(Array(turns.dropLast()))
    parts.solutions = [last.content]
    return parts
  }

  // MARK: Ground truth

  /// What stands behind GSM8K's last `####`.
  private static func behindMark(_ answer: [UInt8]) throws(RowFields.Problem) -> [UInt8] {
    let mark = Array("####".utf8)
    var place = answer.count - mark.count
    while place >= 0, !answer[place...].starts(with: mark) { place -= 1 }
    let truth = place < 0 ? [] : answer[(place + mark.count)...].trimmed
    guard !truth.isEmpty else {
      throw RowFields.Problem(text: "its answer has nothing behind ####")
    }
    return Array(truth)
  }

  /// What stands in the last `\boxed{}`.
  private static func boxed(_ solution: [UInt8]) throws(RowFields.Problem) -> [UInt8] {
    let mark = Array("\\boxed{".utf8)
    var start = solution.count - mark.count
    while start >= 0, !solution[start...].starts(with: mark) { start -= 1 }
    guard start >= 0 else { throw RowFields.Problem(text: "its solution has no \\boxed{}") }
    start += mark.count
    var depth = 1
    var end = start
    while end < solution.count {
      if solution[end] == UInt8(ascii: "{") { depth += 1 }
      if solution[end] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { break }
      end += 1
    }
    let truth = solution[start..<end].trimmed
    guard depth == 0, !truth.isEmpty else {
      throw RowFields.Problem(text: "the \\boxed{} of its solution is empty or not closed")
    }
    return Array(truth)
  }
}

extension ArraySlice<UInt8> {
  /// Without white space of ASCII at its ends.
  fileprivate var trimmed: ArraySlice<UInt8> {
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let first = firstIndex(where: { !isSpace($0) }),
      let last = lastIndex(where: { !isSpace($0) })
    else { return [] }
    return self[first...last]
  }
}

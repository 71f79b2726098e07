import Records

/// Preference pairs: what was chosen becomes the demonstration, what was rejected stands beside it, as the
/// algorithms over pairs read them.
extension RowComposer {
  func pair(_ text: Swift.Span<UInt8>) throws(RowFields.Problem) -> Parts {
    guard let chosen = value(.solution), let rejected = value(.rejected) else {
      throw RowFields.Problem(text: "it lacks chosen or rejected")
    }
    var parts = Parts()
    parts.answer = .made([])
    guard tape.elements(ofList: chosen).count > 1 else {
      parts.question = try question(text)
      parts.solutions = try responses(.solution, text)
      parts.rejected = try responses(.rejected, text)
      guard parts.solutions.count == 1, parts.rejected.count == 1 else {
        throw RowFields.Problem(text: "it is no pair of one chosen and one rejected response")
      }
      return parts
    }
    let winner = try ending(chosen, .solution, text)
    let loser = try ending(rejected, .rejected, text)
    guard isSame(winner.before, loser.before, text) else {
      throw RowFields.Problem(text: "chosen and rejected do not begin with the same messages")
    }
    try checkPrompt(winner.before, text)
    parts.question = .messages(winner.before)
    parts.solutions = [winner.response]
    parts.rejected = [loser.response]
    return parts
  }

  /// A conversation cut before its last message, an assistant's.
  private func ending(
    _ node: Int, _ role: RowRole, _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) -> (before: [Turn], response: Piece) {
    guard tape.nodes[node].kind == .array else { throw problem(role, "has another type") }
    let turns = try turns(node, role, text)
    guard turns.count > 1, let last = turns.last, `is`(last, "assistant", text),
      !isBlank(last.content, text)
    else { throw problem(role, "does not end in a message of an assistant") }
    return (Array(turns.dropLast()), last.content)
  }

  private func isSame(_ a: [Turn], _ b: [Turn], _ text: Swift.Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    for index in a.indices {
      guard content(a[index].role, text) == content(b[index].role, text),
        content(a[index].content, text) == content(b[index].content, text)
      else { return false }
    }
    return true
  }

  /// A prompt beside whole conversations must be what they answer.
  private func checkPrompt(
    _ turns: [Turn], _ text: Swift.Span<UInt8>
  ) throws(RowFields.Problem) {
    guard value(.prompt) != nil else { return }
    let isTheirs =
      switch try question(text) {
      case .messages(let prompt): isSame(prompt, turns, text)
      case .text(let prompt):
        turns.contains { content($0.content, text) == content(prompt, text) }
      }
    guard isTheirs else { throw problem(.prompt, "is not what chosen and rejected answer") }
  }
}

extension JSONTape {
  /// None where the value is no list.
  fileprivate func elements(ofList node: Int) -> [Int] {
    nodes[node].kind == .array ? elements(of: node) : []
  }
}

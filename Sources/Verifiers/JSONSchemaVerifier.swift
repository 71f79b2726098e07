public import Records

/// The response's JSON is valid against a schema, of the definition or else the ground truth.
///
/// The JSON stands in the last `<answer>…</answer>`, else in the last fenced block, else it is all of the
/// text behind the closing think tag. A verdict of `invalid` says in its critique which keyword does not
/// hold, and where.
public struct JSONSchemaVerifier: Verifier {
  public let name = "json-schema"
  private let schema: JSONSchema?

  /// - Parameter schema: as JSON; nil: each ground truth is one.
  /// - Throws: for one that is none of ours.
  public init(schema: String? = nil) throws(VerifierError) {
    guard let schema else {
      self.schema = nil
      return
    }
    do { self.schema = try JSONSchema(schema) } catch {
      throw VerifierError(
        "schema", "the schema \(error.problem)",
        remedy: "Write it as docs/verifiers.md says, section json-schema.")
    }
  }

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let schema: JSONSchema
    if let own = self.schema {
      schema = own
    } else {
      do { schema = try JSONSchema(prompt.groundTruth) } catch {
        return .unreadable(groundTruth: "as a schema \(error.problem)")
      }
    }
    let text = Bytes(response)
    let place = find(text)
    var parser = JSONTreeParser(text, place.span)
    guard let tree = parser.parse() else {
      return .scored(
        false, rule: "\(place.rule)-no-json", extracted: nil, response: text, format: false)
    }
    // Everything else shows its end.
    if case .number = tree, finish == .length, place.span.upperBound == text.count {
      return .scored(
        false, rule: "\(place.rule)-cut", extracted: place, response: text, format: false)
    }
    switch schema.validity(of: tree) {
    case .valid:
      return .scored(
        true, rule: "\(place.rule)-valid", extracted: place, response: text, format: true)
    case .invalid(let keyword, let pointer):
      var verdict = Verdict.scored(
        false, rule: "\(place.rule)-invalid", extracted: place, response: text, format: true)
      verdict.critique =
        "\(keyword) does not hold at \(pointer.isEmpty ? "the root" : pointer.shortened)"
      return verdict
    case .tooLong:
      return .scored(false, rule: "budget", extracted: place, response: text, format: true)
    case .endless: return .unreadable(groundTruth: "or schema refers to itself without end")
    }
  }

  private func find(_ text: Bytes) -> Extracted {
    let start = text.last("</think>", in: text.all).map { $0 + 8 } ?? 0
    let all = start..<text.count
    if let end = text.last("</answer>", in: all),
      let start = text.last("<answer>", in: start..<end)
    {
      return Extracted(span: text.trimmed(start + 8..<end), rule: "answer-tag")
    }
    if let end = text.last("```", in: all), let start = text.last("```", in: start..<end) {
      let info = text.line(from: start + 3)
      // Behind the opening fence may stand a language; a block of one line has none.
      let begin = info.upperBound < end ? info.upperBound : start + 3
      return Extracted(span: text.trimmed(begin..<end), rule: "fenced")
    }
    return Extracted(span: text.trimmed(all), rule: "whole")
  }
}

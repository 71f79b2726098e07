import Foundation
import Records

/// What came back of a request: a score, or why there is none, and what it cost.
struct JudgeReply {
  enum Content: Equatable {
    case score(Double, reasoning: String)
    /// The reply does not say a score of the scale.
    case unusable(String)
  }

  let content: Content
  /// As the endpoint counts them.
  let promptTokens: Int
  let completionTokens: Int

  /// - Parameter body: of a response with status 200.
  init(_ body: [UInt8], scale: ClosedRange<Double>) {
    let value: JSONValue
    do { value = try JSONValue(parsing: body, location: "reply", valueLimit: 100_000) } catch {
      self.init(.unusable("it is no JSON: \(error.problem)"), nil)
      return
    }
    let usage = value["usage"]
    let choice = value["choices"]?.array?.first
    guard let text = choice?["message"]?["content"]?.string else {
      self.init(.unusable("it holds no message"), usage)
      return
    }
    guard choice?["finish_reason"]?.string != "length" else {
      self.init(.unusable("it was cut at reply_tokens"), usage)
      return
    }
    self.init(Self.content(text, scale), usage)
  }

  private init(_ content: Content, _ usage: JSONValue?) {
    self.content = content
    func count(_ name: String) -> Int { max(0, usage?[name]?.integer ?? 0) }
    promptTokens = count("prompt_tokens")
    completionTokens = count("completion_tokens")
  }

  /// The judge's own words alone: its think block and the fence around its JSON are no part of them.
  private static func content(_ text: String, _ scale: ClosedRange<Double>) -> Content {
    var text = text[...]
    if let end = text.range(of: "</think>", options: .backwards) { text = text[end.upperBound...] }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      .drop { $0.allSatisfy(\.isWhitespace) }
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    if lines.first?.hasPrefix("```") == true, lines.last == "```" {
      lines = lines.dropFirst().dropLast()
    }
    let value: JSONValue
    do {
      value = try JSONValue(
        parsing: Array(lines.joined(separator: "\n").utf8), location: "judgement",
        valueLimit: 10_000)
    } catch { return .unusable("the message is no JSON: \(error.problem)") }
    guard let members = value.object, Set(members.map(\.name)) == ["reasoning", "score"],
      let reasoning = value["reasoning"]?.string, let score = value["score"]?.double
    else { return .unusable("the message is not {reasoning, score}") }
    guard scale.contains(score) else {
      return .unusable("the score \(score.plain) is not on the scale")
    }
    return .score(score, reasoning: reasoning)
  }
}

import Mathematics

/// Finds the answer in a response, or in a ground truth that is a whole solution. First that applies:
///
/// 1. Only what follows the last `</think>` counts.
/// 2. `final answer is …` behind the last box.
/// 3. The last box; boxes before it that only commas, `and` or `or` part from it belong to the same
///    answer. A last box that is never closed is none, and nothing else is looked for.
/// 4. Behind the last `####`, `answer is`, `answer:`, `<answer>`.
/// 5. The whole response, if it is mathematics.
/// 6. The last formula or number, whichever stands later.
///
/// Within an announced sentence (2, 4) the number that begins it counts (`the answer is 7, because …`),
/// else, as in 6, the last formula or number; unless the sentence denies it or leaves a choice. Every
/// search is linear in the length of the response.
struct MathAnswer {
  static let boxed = "boxed"
  static let anchor = "anchor"
  static let whole = "whole"
  static let formula = "formula"
  static let lastNumber = "number"

  struct Answer {
    /// Where it stands; several boxes from the first to the last.
    var span: Range<Int>
    /// What is compared: several boxes are joined by commas.
    var bytes: [UInt8]
  }

  struct Found {
    var answer: Answer?
    /// How it was found, or why not.
    var rule: String
  }

  private enum Box {
    case found(Answer)
    case unclosed
    case absent
  }

  /// How much of a response is searched, from its end, in bytes: the answer is no farther away, and
  /// the search takes 2 ms at most.
  private static let tailLimit = 262_144
  /// More boxes are not joined, nor searched for.
  private static let boxLimit = 64
  /// A text that is longer is not tried as one formula.
  private static let wholeLimit = 512

  let text: Bytes
  let comparison: AnswerComparison

  func find(_ extraction: MathVerifier.Extraction) -> Found {
    let range = text.trimmed(relevant)
    guard !range.isEmpty else { return Found(answer: nil, rule: "no-answer") }
    let box = lastBox(in: range)
    if extraction == .boxOnly {
      if case .found(let answer) = box { return Found(answer: answer, rule: Self.boxed) }
      return Found(answer: nil, rule: "no-answer")
    }
    switch box {
    case .unclosed: return Found(answer: nil, rule: "boxed-unclosed")
    case .found(let answer):
      // A closing statement behind the box outranks it.
      let tail = answer.span.upperBound..<range.upperBound
      if let place = MathAnchor(text: text).lastFinal(in: tail),
        let final = sentence(place..<range.upperBound)
      {
        return Found(answer: final, rule: Self.anchor)
      }
      return Found(answer: answer, rule: Self.boxed)
    case .absent: break
    }
    if let place = MathAnchor(text: text).last(in: range) {
      let answer = sentence(place..<range.upperBound)
      return Found(answer: answer, rule: answer == nil ? "anchor-unreadable" : Self.anchor)
    }
    if range.count <= Self.wholeLimit, let answer = readable(range) {
      return Found(answer: answer, rule: Self.whole)
    }
    return last(in: range)
  }

  /// What counts of the text: its end, or what follows the thoughts.
  private var relevant: Range<Int> {
    let tail = max(0, text.count - Self.tailLimit)..<text.count
    guard let end = text.last("</think>", in: tail) else { return tail }
    return end + 8..<text.count
  }

  // MARK: Boxes

  private func lastBox(in range: Range<Int>) -> Box {
    guard let last = boxStart(in: range) else { return .absent }
    guard let inside = braces(at: last.open, limit: range.upperBound) else { return .unclosed }
    var insides = [inside]
    var start = last.start
    while insides.count < Self.boxLimit,
      let previous = boxStart(in: range.lowerBound..<start),
      let before = braces(at: previous.open, limit: start),
      isJoint(before.upperBound + 1..<start)
    {
      insides.append(before)
      start = previous.start
    }
    let joined = Array(insides.reversed())
    if joined.count == 1 {
      let span = text.trimmed(inside)
      return .found(Answer(span: span, bytes: Array(text.bytes[span])))
    }
    var bytes: [UInt8] = []
    for inside in joined {
      if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
      bytes.append(UInt8(ascii: " "))
      bytes += text.bytes[inside]
    }
    return .found(Answer(span: joined[0].lowerBound..<inside.upperBound, bytes: bytes))
  }

  /// The last `\boxed{` or `\fbox{`: its backslash and its brace.
  private func boxStart(in range: Range<Int>) -> (start: Int, open: Int)? {
    var end = range.upperBound
    while true {
      let boxed = text.last("boxed", in: range.lowerBound..<end)
      let framed = text.last("\\fbox", in: max(range.lowerBound, boxed ?? 0)..<end)
      guard let place = framed ?? boxed else { return nil }
      var open = place + 5
      while open < range.upperBound, text[open] == UInt8(ascii: " ") { open += 1 }
      let start = framed ?? place - 1
      if start >= range.lowerBound, text[start] == UInt8(ascii: "\\"), open < range.upperBound,
        text[open] == UInt8(ascii: "{")
      {
        return (start, open)
      }
      end = place
    }
  }

  /// What stands between the brace at `open` and the one that closes it.
  private func braces(at open: Int, limit: Int) -> Range<Int>? {
    var (depth, place) = (0, open)
    while place < limit {
      switch text.bytes[place] {
      case UInt8(ascii: "\\"): place += 1
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "}"):
        depth -= 1
        if depth == 0 { return open + 1..<place }
      default: break
      }
      place += 1
    }
    return nil
  }

  /// Whether only separators stand between two boxes, one at least.
  private func isJoint(_ range: Range<Int>) -> Bool {
    guard range.count <= 64 else { return false }
    let plain = text.text(range).lowercased()
    var rest = plain
    for blank in [
      "\\quad", "\\qquad", "\\text", "\\mbox", "\\,", "\\;", "\\(", "\\)", "\\[", "\\]",
    ] {
      rest = rest.replacing(blank, with: " ")
    }
    let words = rest.split { " ,;${}\n\t.".contains($0) }
    let hasSeparator = rest.contains { $0 == "," || $0 == ";" } || !words.isEmpty
    return hasSeparator && words.allSatisfy { $0 == "and" || $0 == "or" }
  }

  // MARK: Sentences

  /// The answer of a sentence that begins at the range's start.
  private func sentence(_ range: Range<Int>) -> Answer? {
    let sentence = MathSentence(text: text).sentence(range)
    guard !sentence.isEmpty else { return nil }
    if sentence.count <= Self.wholeLimit, let answer = readable(sentence) { return answer }
    let sentences = MathSentence(text: text)
    if let first = sentences.leadingNumber(in: sentence),
      !sentences.isHedged(around: first, in: sentence)
    {
      return Answer(span: first, bytes: Array(text.bytes[first]))
    }
    return last(in: sentence).answer
  }

  private func readable(_ range: Range<Int>) -> Answer? {
    let span = MathSentence(text: text).bare(range)
    guard !span.isEmpty else { return nil }
    let bytes = Array(text.bytes[span])
    return comparison.reads(bytes) ? Answer(span: span, bytes: bytes) : nil
  }

  /// The last formula or number, whichever stands later.
  private func last(in range: Range<Int>) -> Found {
    let sentences = MathSentence(text: text)
    let formula = sentences.lastFormula(in: range)
    let number = sentences.lastNumber(in: range)
    if let formula, formula.outer.upperBound > number?.upperBound ?? 0 {
      let span = text.trimmed(formula.inner)
      let bytes = Array(text.bytes[span])
      if !span.isEmpty, !sentences.isHedged(around: formula.outer, in: range) {
        return Found(answer: Answer(span: span, bytes: bytes), rule: Self.formula)
      }
    }
    guard let number else { return Found(answer: nil, rule: "no-answer") }
    guard !sentences.isHedged(around: number, in: range) else {
      return Found(answer: nil, rule: "hedged")
    }
    return Found(
      answer: Answer(span: number, bytes: Array(text.bytes[number])), rule: Self.lastNumber)
  }
}

/// Finds which option a response decides for.
///
/// The rules, strictest first; the first that finds anything decides:
///
/// 1. `box`: the last `\boxed{…}` holds a label, alone or with its text, or the text of an option.
/// 2. `answer`: behind the word "answer" stands a label, in the same sentence; the last such place.
/// 3. `correct`: "B is correct", "choose B", "option B is the right one"; the last such place.
/// 4. `line`: the last line is a label, alone or with its text.
/// 5. `begin`: the response begins with a label, and no other line does.
/// 6. `letter`: the last line names one capital letter and no other.
/// 7. `text`: the response holds the text of one option.
///
/// A label that is denied ("not B", "B is wrong") does not count. A place that names several ("A or B",
/// `\boxed{AB}`) is an answer too, and a wrong one.
struct ChoiceReader {
  enum Answer: Equatable {
    case label(String, Range<Int>)
    /// The text of the right answer where no label is known.
    case text(Range<Int>)
    case several(Range<Int>)
  }

  let text: Bytes
  let question: ChoiceQuestion
  private let body: Range<Int>
  let tokens: [ChoiceText.Place]

  init(_ text: Bytes, _ question: ChoiceQuestion) {
    self.text = text
    self.question = question
    var body = text.all
    if let end = text.last("</think>", in: body) { body = end + 8..<text.count }
    if let end = text.last("</answer>", in: body),
      let start = text.last("<answer>", in: body.lowerBound..<end)
    {
      body = start + 8..<end
    }
    self.body = text.trimmed(body)
    tokens = ChoiceText(text, in: self.body).places
  }

  /// The same for a part of the response: rules that look at the whole are not asked then.
  init(part reader: ChoiceReader, _ tokens: [ChoiceText.Place]) {
    text = reader.text
    question = reader.question
    body = reader.body
    self.tokens = tokens
  }

  /// The answer and the rule that found it.
  func answer() -> (answer: Answer, rule: String)? {
    let rules: [(String, () -> Answer?)] = [
      ("box", box), ("answer", anchored), ("correct", declared), ("line", lastLine),
      ("begin", begin), ("letter", lastLetter), ("text", optionText),
    ]
    for (name, rule) in rules {
      if let answer = rule() { return (answer, name) }
    }
    return nil
  }

  private func box() -> Answer? {
    guard let start = text.last("\\boxed{", in: body) else { return nil }
    var depth = 1
    var end = start + 7
    while end < body.upperBound {
      if text.bytes[end] == UInt8(ascii: "{") { depth += 1 }
      if text.bytes[end] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { break }
      end += 1
    }
    guard depth == 0 else { return nil }
    let inside = text.trimmed(start + 7..<end)
    return whole(ChoiceText(text, in: inside).places, inside, isBox: true)
  }

  /// Behind "answer"; "final answer" is stronger.
  private func anchored() -> Answer? {
    var found: Answer?
    var isFinal = false
    for index in tokens.indices where tokens[index].token == .word("answer") {
      let final = index > 0 && tokens[index - 1].token == .word("final")
      guard final || !isFinal, let answer = decided(behind: index) else { continue }
      (found, isFinal) = (answer, final || isFinal)
    }
    return undenied(found)
  }

  /// "B is correct", "the right option is B", "I choose B".
  private func declared() -> Answer? {
    var found: Answer?
    for index in tokens.indices {
      if case .word(let word) = tokens[index].token, ChoiceWords.choosing.contains(word) {
        // "the correct option", "go with option", "choose".
        let next = behindNames(index + 1)
        if let answer = label(at: next.index, isNamed: true)
          ?? (next.isSaid ? decided(behind: index) : nil)
        {
          found = answer
        }
      } else if label(tokens[index], isNamed: false), affirmed(behind: index) {
        found = answer(at: index)
      }
    }
    return undenied(found)
  }

  private func lastLine() -> Answer? {
    // A list of the options ends like an answer.
    guard let line = tokens.split(whereSeparator: { $0.token == .lineEnd }).last, !isList,
      let first = line.first, let last = line.last
    else { return nil }
    let span = first.span.lowerBound..<last.span.upperBound
    return undenied(whole(Array(line), span, isBox: false))
  }

  private func begin() -> Answer? {
    guard !isList, !tokens.isEmpty else { return nil }
    let index = opening(0)
    guard index < tokens.count, label(tokens[index], isNamed: true), ends(behind: index) else {
      return nil
    }
    return undenied(answer(at: index))
  }

  private func lastLetter() -> Answer? {
    let line = tokens.split(whereSeparator: { $0.token == .lineEnd }).last ?? []
    var found: Answer?
    for index in line.indices where label(tokens[index], isNamed: false) {
      // `A` before a word is more likely an article, unless it is called an option.
      if tokens[index].token == .word("a") || tokens[index].token == .word("i"), isWord(index + 1),
        word(index + 1) != "or", word(index + 1) != "and", opening(index - 1) != index
      {
        continue
      }
      guard let answer = answer(at: index) else { continue }
      if let found, found.label != answer.label { return nil }
      found = answer
    }
    return undenied(found)
  }

  private func optionText() -> Answer? {
    if question.options.isEmpty { return rightText() }
    let words = ChoiceText.words(text.text(end))
    var found: [Int] = []
    for (index, option) in question.options.enumerated() {
      let wanted = ChoiceText.words(option)
      guard !wanted.isEmpty, Self.holds(words, wanted) else { continue }
      found.append(index)
    }
    // Of options that are part of one another the longest is meant.
    let longest = found.filter { index in
      !found.contains { other in
        other != index
          && Self.holds(
            ChoiceText.words(question.options[other]), ChoiceText.words(question.options[index]))
          && ChoiceText.words(question.options[other]).count
            > ChoiceText.words(question.options[index]).count
      }
    }
    guard longest.count == 1 else { return nil }
    return .label(question.labels[longest[0]], end)
  }

  /// Without options: whether the last line holds the text that is right, undenied.
  private func rightText() -> Answer? {
    let line = text.trimmed(text.lastLine(of: end))
    let words = ChoiceText.words(text.text(line))
    guard !words.contains(where: ChoiceWords.denials.contains) else { return nil }
    let isThere = question.texts.contains {
      let wanted = ChoiceText.words($0)
      return !wanted.isEmpty && Self.holds(words, wanted)
    }
    return isThere ? .text(line) : nil
  }

  /// The body, or as much of its end as is read.
  private var end: Range<Int> {
    max(body.lowerBound, body.upperBound - ChoiceText.byteLimit)..<body.upperBound
  }

  private static func holds(_ words: [String], _ wanted: [String]) -> Bool {
    guard wanted.count <= words.count else { return false }
    return (0...words.count - wanted.count).contains {
      words[$0] == wanted[0] && words[$0..<$0 + wanted.count].elementsEqual(wanted)
    }
  }
}

extension ChoiceReader.Answer {
  /// What two of them are compared by.
  fileprivate var label: String {
    switch self {
    case .label(let label, _): label
    case .text: "text"
    case .several: "several"
    }
  }
}

extension Bytes {
  /// The last line of `range` that is not empty, its blanks included.
  fileprivate func lastLine(of range: Range<Int>) -> Range<Int> {
    let end = trimmed(range).upperBound
    var start = end
    while start > range.lowerBound, !isLineEnd(bytes[start - 1]) { start -= 1 }
    return start..<end
  }
}

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
  private let tokens: [ChoiceText.Place]

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

  // MARK: Places

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
      if case .word(let word) = tokens[index].token, Self.choosing.contains(word) {
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
    guard !words.contains(where: Self.denials.contains) else { return nil }
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

  // MARK: Parts

  /// Tokens that must be an answer as a whole: a label, a label with its text, an option's text.
  private func whole(
    _ places: [ChoiceText.Place], _ span: Range<Int>, isBox: Bool
  ) -> Answer? {
    let part = ChoiceReader(part: self, places)
    let content = text.text(span)
    if let index = question.options.firstIndex(where: { ChoiceText.isSame($0, content) }) {
      return .label(question.labels[index], span)
    }
    let index = part.opening(0)
    guard index < places.count else { return nil }
    if part.label(places[index], isNamed: true) {
      if let several = part.several(from: index) { return .several(several) }
      guard part.closes(behind: index) else { return nil }
      return part.answer(at: index)
    }
    // `AB`, `ABC`: several letters in one.
    if isBox, case .word(let word) = places[index].token, index == places.count - 1,
      word.utf8.count <= question.labels.count,
      content.unicodeScalars.allSatisfy({ !("a"..."z").contains($0) }),
      word.uppercased().allSatisfy({ question.labels.contains(String($0)) })
    {
      return .several(span)
    }
    return nil
  }

  private init(part reader: ChoiceReader, _ tokens: [ChoiceText.Place]) {
    text = reader.text
    question = reader.question
    body = reader.body
    self.tokens = tokens
  }

  /// What is decided between a word and the end of its sentence. What stands behind "is" or a colon
  /// counts first: "the answer among A, B and C is C".
  private func decided(behind index: Int) -> Answer? {
    let end = sentenceEnd(behind: index)
    let said = (index + 1..<end).first { place in
      switch tokens[place].token {
      case .mark(let mark): mark == UInt8(ascii: ":") || mark == UInt8(ascii: "=")
      case .word(let word): Self.saying.contains(word)
      case .lineEnd: false
      }
    }
    if let said, let answer = firstLabel(said + 1..<end) { return answer }
    return firstLabel(index + 1..<end)
  }

  private func firstLabel(_ range: Range<Int>) -> Answer? {
    var isDenied = false
    for index in range {
      if case .word(let word) = tokens[index].token {
        if Self.denials.contains(word) { isDenied = true }
        if word == "but" || word == "rather" { isDenied = false }
      }
      guard label(tokens[index], isNamed: !isWord(index + 1)) else { continue }
      if tokens[index].token == .word("a"), !tokens[index].isCapital, isWord(index + 1) { continue }
      if isDenied { continue }
      if let answer = answer(at: index) { return answer }
    }
    return nil
  }

  /// The label at a token as an answer: with others beside it several, nothing where it is denied.
  private func answer(at index: Int) -> Answer? {
    if let span = several(from: index) { return .several(span) }
    guard !isDenied(index), case .word(let word) = tokens[index].token else { return nil }
    return .label(word.uppercased(), tokens[index].span)
  }

  private func label(at index: Int, isNamed: Bool) -> Answer? {
    let index = opening(index)
    guard index < tokens.count, label(tokens[index], isNamed: isNamed && !isWord(index + 1)) else {
      return nil
    }
    return answer(at: index)
  }

  /// Whether a token is a label. - Parameter isNamed: small letters count too.
  private func label(_ place: ChoiceText.Place, isNamed: Bool) -> Bool {
    guard case .word(let word) = place.token, word.utf8.count == 1 else { return false }
    let isLetter = isLetter(word.utf8.first)
    return question.labels.contains(word.uppercased()) && (!isLetter || isNamed || place.isCapital)
  }

  private func isWord(_ index: Int) -> Bool {
    guard index < tokens.count, case .word = tokens[index].token else { return false }
    return true
  }

  private func isMark(_ index: Int, _ marks: String) -> Bool {
    guard tokens.indices.contains(index), case .mark(let mark) = tokens[index].token else {
      return false
    }
    return marks.utf8.contains(mark)
  }

  private func word(_ index: Int) -> String? {
    guard tokens.indices.contains(index), case .word(let word) = tokens[index].token else {
      return nil
    }
    return word
  }

  /// Behind opening brackets, and the word "option".
  private func opening(_ index: Int) -> Int {
    var index = index
    while isMark(index, "([") || ["option", "choice", "letter"].contains(word(index)) { index += 1 }
    return index
  }

  /// Past the names that may stand between a verb and a label; whether "is" or a colon follows them.
  private func behindNames(_ index: Int) -> (index: Int, isSaid: Bool) {
    var index = index
    while let word = word(index), Self.names.contains(word) { index += 1 }
    let isSaid = isMark(index, ":=") || word(index).map(Self.saying.contains) ?? false
    return (index, isSaid)
  }

  /// Whether a label at `index` is followed by a mark that ends it, or by nothing.
  private func ends(behind index: Int) -> Bool {
    index + 1 == tokens.count || tokens[index + 1].token == .lineEnd || isMark(index + 1, ".):,]-;")
      || (tokens[index].isCapital && tokens[index].token != .word("a")
        && tokens[index].token != .word("i"))
  }

  /// The same for a line that is an answer as a whole: its text follows.
  private func closes(behind index: Int) -> Bool {
    if index + 1 == tokens.count { return true }
    if isMark(index + 1, ").:]") { return true }
    // `C Cecile`, where that is the option.
    guard let place = question.labels.firstIndex(of: word(index)?.uppercased() ?? ""),
      let last = tokens.last
    else { return false }
    let rest = ChoiceText.words(
      text.text(tokens[index].span.upperBound..<last.span.upperBound))
    let known =
      question.options.indices.contains(place)
      ? [question.options[place]] : question.labels[place] == question.right ? question.texts : []
    return known.contains { ChoiceText.words($0) == rest }
  }

  /// "A or B", "A, B", "A/B": from the label at `index` on, if others stand beside it.
  private func several(from index: Int) -> Range<Int>? {
    var next = index + 1
    while isMark(next, ")]") { next += 1 }
    var joined = false
    while isMark(next, ",/&") || word(next) == "or" || word(next) == "and" {
      joined = true
      next += 1
    }
    guard joined else { return nil }
    next = opening(next)
    guard next < tokens.count, label(tokens[next], isNamed: false),
      tokens[next].token != tokens[index].token, !Self.verbs.contains(word(next + 1) ?? "")
    else { return nil }
    return tokens[index].span.lowerBound..<tokens[next].span.upperBound
  }

  /// "not B", "B is wrong", "B cannot be".
  private func isDenied(_ index: Int) -> Bool {
    var before = index - 1
    while isMark(before, "([") || ["option", "choice", "answer", "be", "is"].contains(word(before))
    {
      before -= 1
    }
    if let word = word(before), Self.denials.contains(word) { return true }
    var next = index + 1
    while isMark(next, ")]") { next += 1 }
    if let word = word(next), Self.denials.contains(word) {
      // "B, not A" and "B not A" deny A.
      let other = opening(next + 1)
      return !(other < tokens.count && label(tokens[other], isNamed: false))
    }
    guard let verb = word(next), Self.verbs.contains(verb) else { return false }
    // "is clearly wrong", "would not be".
    return (next + 1...next + 3).contains { word($0).map(Self.denials.contains) ?? false }
  }

  /// "B is correct", "B is the right answer".
  private func affirmed(behind index: Int) -> Bool {
    var next = index + 1
    while isMark(next, ")]") { next += 1 }
    guard let verb = word(next), Self.verbs.contains(verb) else { return false }
    for place in next + 1...next + 4 {
      guard let word = word(place), !Self.denials.contains(word) else { return false }
      if Self.affirmations.contains(word) { return true }
    }
    return false
  }

  /// The answer, unless its label is denied somewhere behind it.
  private func undenied(_ answer: Answer?) -> Answer? {
    guard case .label(let label, let span)? = answer else { return answer }
    let isTakenBack = tokens.indices.contains { index in
      tokens[index].span.lowerBound > span.lowerBound
        && tokens[index].token == .word(label.lowercased()) && tokens[index].isCapital
        && isDenied(index)
    }
    return isTakenBack ? nil : answer
  }

  /// Whether two lines or more begin with different labels: the options, repeated.
  private var isList: Bool {
    var labels: Set<String> = []
    for index in tokens.indices where index == 0 || tokens[index - 1].token == .lineEnd {
      let start = opening(index)
      guard start < tokens.count, label(tokens[start], isNamed: false),
        start + 1 == tokens.count || isMark(start + 1, ").:]"), let word = word(start)
      else { continue }
      labels.insert(word)
    }
    return labels.count > 1
  }

  /// The end of the sentence that begins behind `index`. Line ends directly behind the word or its colon
  /// do not end it.
  private func sentenceEnd(behind index: Int) -> Int {
    var end = index + 1
    var isBegun = false
    let limit = min(tokens.count, index + Self.reach)
    while end < limit {
      switch tokens[end].token {
      case .lineEnd: if isBegun { return end }
      case .mark(let mark):
        if isBegun,
          mark == UInt8(ascii: ".") || mark == UInt8(ascii: "!")
            || mark == UInt8(ascii: "?") || mark == UInt8(ascii: ";")
        {
          return end
        }
      case .word(let word): if !Self.saying.contains(word) { isBegun = true }
      }
      end += 1
    }
    return end
  }

  /// Tokens behind "answer" among which its label stands.
  private static let reach = 40
  private static let saying: Set<String> = ["is", "was", "be", "are", "isn't", "wasn't"]
  private static let verbs: Set<String> = [
    "is", "was", "are", "isn't", "wasn't", "can", "can't", "cannot", "could", "couldn't", "would",
    "wouldn't", "does", "doesn't", "did", "seems", "looks", "must", "should", "has", "makes",
    "fails",
    "fits", "matches",
  ]
  private static let denials: Set<String> = [
    "not", "isn't", "wasn't", "neither", "nor", "never", "wrong", "incorrect", "false", "except",
    "can't", "cannot", "couldn't", "wouldn't", "doesn't", "shouldn't", "unlikely", "eliminate",
    "exclude", "fails", "no",
  ]
  private static let affirmations: Set<String> = ["correct", "right", "best", "answer", "true"]
  private static let choosing: Set<String> = [
    "choose", "chose", "select", "selected", "pick", "picked", "choosing", "with", "correct",
    "right",
    "best",
  ]
  private static let names: Set<String> = ["option", "choice", "letter", "the", "one", "answer"]
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

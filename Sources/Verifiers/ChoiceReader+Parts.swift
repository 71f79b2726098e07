// What the rules are made of: labels, and the words around them that choose, join or deny.
extension ChoiceReader {
  /// Tokens that must be an answer as a whole: a label, a label with its text, an option's text.
  func whole(
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

  /// What is decided between a word and the end of its sentence. What stands behind "is" or a colon
  /// counts first: "the answer among A, B and C is C".
  func decided(behind index: Int) -> Answer? {
    let end = sentenceEnd(behind: index)
    let said = (index + 1..<end).first { place in
      switch tokens[place].token {
      case .mark(let mark): mark == UInt8(ascii: ":") || mark == UInt8(ascii: "=")
      case .word(let word): ChoiceWords.saying.contains(word)
      case .lineEnd: false
      }
    }
    if let said, let answer = firstLabel(said + 1..<end) { return answer }
    return firstLabel(index + 1..<end)
  }

  /// The first label among these tokens that is neither denied nor an article.
  func firstLabel(_ range: Range<Int>) -> Answer? {
    var isDenied = false
    for index in range {
      if case .word(let word) = tokens[index].token {
        if ChoiceWords.denials.contains(word) { isDenied = true }
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
  func answer(at index: Int) -> Answer? {
    if let span = several(from: index) { return .several(span) }
    guard !isDenied(index), case .word(let word) = tokens[index].token else { return nil }
    return .label(word.uppercased(), tokens[index].span)
  }

  /// The label that stands at a token, behind brackets and "option", as an answer.
  func label(at index: Int, isNamed: Bool) -> Answer? {
    let index = opening(index)
    guard index < tokens.count, label(tokens[index], isNamed: isNamed && !isWord(index + 1)) else {
      return nil
    }
    return answer(at: index)
  }

  /// Whether a token is a label.
  /// - Parameter isNamed: small letters count too.
  func label(_ place: ChoiceText.Place, isNamed: Bool) -> Bool {
    guard case .word(let word) = place.token, word.utf8.count == 1 else { return false }
    let isLetter = isLetter(word.utf8.first)
    return question.labels.contains(word.uppercased()) && (!isLetter || isNamed || place.isCapital)
  }

  func isWord(_ index: Int) -> Bool {
    guard index < tokens.count, case .word = tokens[index].token else { return false }
    return true
  }

  func isMark(_ index: Int, _ marks: String) -> Bool {
    guard tokens.indices.contains(index), case .mark(let mark) = tokens[index].token else {
      return false
    }
    return marks.utf8.contains(mark)
  }

  func word(_ index: Int) -> String? {
    guard tokens.indices.contains(index), case .word(let word) = tokens[index].token else {
      return nil
    }
    return word
  }

  /// Behind opening brackets, and the word "option".
  func opening(_ index: Int) -> Int {
    var index = index
    while isMark(index, "([") || ["option", "choice", "letter"].contains(word(index)) { index += 1 }
    return index
  }

  /// Past the names that may stand between a verb and a label; whether "is" or a colon follows them.
  func behindNames(_ index: Int) -> (index: Int, isSaid: Bool) {
    var index = index
    while let word = word(index), ChoiceWords.names.contains(word) { index += 1 }
    let isSaid = isMark(index, ":=") || word(index).map(ChoiceWords.saying.contains) ?? false
    return (index, isSaid)
  }

  /// Whether a label at `index` is followed by a mark that ends it, or by nothing.
  func ends(behind index: Int) -> Bool {
    index + 1 == tokens.count || tokens[index + 1].token == .lineEnd || isMark(index + 1, ".):,]-;")
      || (tokens[index].isCapital && tokens[index].token != .word("a")
        && tokens[index].token != .word("i"))
  }

  /// The same for a line that is an answer as a whole: its text follows.
  func closes(behind index: Int) -> Bool {
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
  func several(from index: Int) -> Range<Int>? {
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
      tokens[next].token != tokens[index].token, !ChoiceWords.verbs.contains(word(next + 1) ?? "")
    else { return nil }
    return tokens[index].span.lowerBound..<tokens[next].span.upperBound
  }

  /// "not B", "B is wrong", "B cannot be".
  func isDenied(_ index: Int) -> Bool {
    var before = index - 1
    while isMark(before, "([") || ["option", "choice", "answer", "be", "is"].contains(word(before))
    {
      before -= 1
    }
    if let word = word(before), ChoiceWords.denials.contains(word) { return true }
    var next = index + 1
    while isMark(next, ")]") { next += 1 }
    if let word = word(next), ChoiceWords.denials.contains(word) {
      // "B, not A" and "B not A" deny A.
      let other = opening(next + 1)
      return !(other < tokens.count && label(tokens[other], isNamed: false))
    }
    guard let verb = word(next), ChoiceWords.verbs.contains(verb) else { return false }
    // "is clearly wrong", "would not be".
    return (next + 1...next + 3).contains { word($0).map(ChoiceWords.denials.contains) ?? false }
  }

  /// "B is correct", "B is the right answer".
  func affirmed(behind index: Int) -> Bool {
    var next = index + 1
    while isMark(next, ")]") { next += 1 }
    guard let verb = word(next), ChoiceWords.verbs.contains(verb) else { return false }
    for place in next + 1...next + 4 {
      guard let word = word(place), !ChoiceWords.denials.contains(word) else { return false }
      if ChoiceWords.affirmations.contains(word) { return true }
    }
    return false
  }

  /// The answer, unless its label is denied somewhere behind it.
  func undenied(_ answer: Answer?) -> Answer? {
    guard case .label(let label, let span)? = answer else { return answer }
    let isTakenBack = tokens.indices.contains { index in
      tokens[index].span.lowerBound > span.lowerBound
        && tokens[index].token == .word(label.lowercased()) && tokens[index].isCapital
        && isDenied(index)
    }
    return isTakenBack ? nil : answer
  }

  /// Whether two lines or more begin with different labels: the options, repeated.
  var isList: Bool {
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
  func sentenceEnd(behind index: Int) -> Int {
    var end = index + 1
    var isBegun = false
    let limit = min(tokens.count, index + ChoiceWords.reach)
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
      case .word(let word): if !ChoiceWords.saying.contains(word) { isBegun = true }
      }
      end += 1
    }
    return end
  }
}

import Records

/// What a question of multiple choice offers, and which option is right.
///
/// The options are known from the prompt's tags (`choices`, a JSON list or object of texts), else from the
/// lines of its text that begin `A)`, `(A)`, `A.`, `A:` or with digits in this way.
struct ChoiceQuestion {
  /// What options are called, in order: capital letters or digits.
  var labels: [String]
  /// Their texts, one for each label; empty where they are not known.
  var options: [String]
  /// The right one's label; nil where only its text is known.
  var right: String?
  /// Texts that are the right answer.
  var texts: [String]

  private static let letters = (0..<26).map { String(UnicodeScalar(UInt8(65 + $0))) }
  private static let digits = (1...9).map(String.init)
  /// Letters that count where nothing says how many options there are: those of ten options, of which
  /// no data set here has more.
  private static let usualCount = 10

  /// - Throws: why the ground truth names no option.
  init(_ prompt: Prompt) throws(ChoiceProblem) {
    let gold = Self.unwrapped(prompt.groundTruth)
    let offered = Self.offered(by: prompt)
    options = offered?.texts ?? []
    labels = offered?.labels ?? Array(Self.letters.prefix(Self.usualCount))
    texts = ["correct_answer", "answer_text"].compactMap { prompt.tags[$0] }.filter { !$0.isEmpty }
    if let listed = prompt.tags["valid_letters"] {
      labels = Self.listed(listed)
      if options.count != labels.count { options = [] }
    }
    if let letter = prompt.tags["correct_letter"] {
      right = ChoiceText.trimmed(letter).uppercased()
    } else if let index = prompt.tags["answer_index"] {
      guard let place = Int(ChoiceText.trimmed(index)), labels.indices.contains(place) else {
        throw ChoiceProblem(problem: "is an index beyond the options")
      }
      right = labels[place]
    } else {
      guard !gold.isEmpty else { throw ChoiceProblem(problem: "is empty") }
      read(gold, hasChoices: prompt.tags["choices"] != nil)
    }
    if let right {
      if offered == nil, prompt.tags["valid_letters"] == nil, !labels.contains(right) {
        // An option beyond the usual ones, or called by a digit.
        labels = Self.digits.contains(right) ? Self.digits : Self.letters
      }
      guard let place = labels.firstIndex(of: right) else {
        throw ChoiceProblem(problem: "names no option")
      }
      if options.indices.contains(place) { texts.append(options[place]) }
    }
  }

  /// What the ground truth says: a label, a label with its text, a text, or an index from 0.
  private mutating func read(_ gold: String, hasChoices: Bool) {
    if let place = options.firstIndex(where: { ChoiceText.isSame($0, gold) }) {
      right = labels[place]
      return
    }
    if hasChoices, let index = Int(gold), labels.indices.contains(index) {
      right = labels[index]
      return
    }
    // A solution may end in the option: its last line decides.
    let lines = gold.split(whereSeparator: \.isNewline).map { ChoiceText.trimmed(String($0)) }
    let line = lines.last { !$0.isEmpty } ?? gold
    if let (label, text) = Self.option(line, allowsBare: true) {
      right = label
      if !text.isEmpty { texts.append(text) }
      return
    }
    texts.append(gold)
  }

  /// `C`, `(C)`, `C) Cecile`, `C. Cecile`, and where it is known to be one `C Cecile`.
  private static func option(_ line: String, allowsBare: Bool) -> (label: String, text: String)? {
    let bytes = Array(line.utf8)
    let start = bytes.first == UInt8(ascii: "(") || bytes.first == UInt8(ascii: "[") ? 1 : 0
    guard start < bytes.count, isLetter(bytes[start]) || isDigit(bytes[start]) else { return nil }
    let label = String(UnicodeScalar(bytes[start])).uppercased()
    var end = start + 1
    let next = end < bytes.count ? bytes[end] : nil
    switch next {
    case nil: return start == 0 ? (label, "") : nil
    case UInt8(ascii: ")"), UInt8(ascii: "]"): end += 1
    case UInt8(ascii: "."), UInt8(ascii: ":"):
      guard start == 0, end + 1 == bytes.count || isSpace(bytes[end + 1]) else { return nil }
      end += 1
    case let byte?:
      // `a cat` is a text, `A cat` more likely an option.
      guard allowsBare, start == 0, isSpace(byte), (0x41...0x5A).contains(bytes[0]) else {
        return nil
      }
    }
    return (label, ChoiceText.trimmed(String(decoding: bytes[end...], as: UTF8.self)))
  }

  /// Labels and texts of the options, where something tells them.
  private static func offered(by prompt: Prompt) -> (labels: [String], texts: [String])? {
    if let tag = prompt.tags["choices"] {
      let texts = listed(tag)
      guard !texts.isEmpty, texts.count <= letters.count else { return nil }
      return (Array(letters.prefix(texts.count)), texts)
    }
    var found: [(label: String, text: String)] = []
    for line in prompt.text.split(whereSeparator: \.isNewline) {
      guard let option = option(ChoiceText.trimmed(String(line)), allowsBare: false),
        !option.text.isEmpty
      else { continue }
      // A further list begins: the last one is the question's.
      if option.label == "A" || option.label == "1" { found = [] }
      found.append(option)
    }
    let labels = found.map(\.label)
    guard labels.count >= 2,
      labels == Array(letters.prefix(labels.count)) || labels == Array(digits.prefix(labels.count))
    else { return nil }
    return (labels, found.map(\.text))
  }

  /// The texts of a JSON list or object; of any other text its letters.
  private static func listed(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    var values: [JSONValue] = []
    if let json = try? JSONValue(parsing: bytes, valueLimit: 1_000) {
      values = json.array ?? json.object?.map(\.value) ?? []
    }
    guard values.isEmpty else {
      return values.map { value in
        value.string ?? value.integer.map(String.init) ?? value.double.map { "\($0)" } ?? ""
      }
    }
    return text.uppercased().unicodeScalars.filter {
      ("A"..."Z").contains($0) || ("0"..."9").contains($0)
    }
    .map { String($0) }
  }

  /// `C` from `\boxed{C}` and `$C$`.
  private static func unwrapped(_ gold: String) -> String {
    var text = ChoiceText.trimmed(gold)
    if text.hasPrefix("$"), text.hasSuffix("$"), text.utf8.count > 2 {
      text = ChoiceText.trimmed(String(text.dropFirst().dropLast()))
    }
    if text.hasPrefix("\\boxed{"), text.hasSuffix("}") {
      text = ChoiceText.trimmed(String(text.dropFirst(7).dropLast()))
    }
    return text
  }
}

/// Why nothing can be compared with.
struct ChoiceProblem: Error {
  var problem: String
}

extension Prompt {
  /// All of its text, messages one after the other.
  fileprivate var text: String {
    switch content {
    case .text(let text): text
    case .messages(let messages): messages.map(\.content).joined(separator: "\n")
    }
  }
}

/// Cuts text into the words that byte-pair merges never cross.
///
/// Each case is one published split expression, matched by hand with the semantics of Oniguruma:
/// the alternatives are tried in order and the first that matches wins. Every character belongs to
/// one alternative, so the words cover the text without a gap. Cost: linear.
package enum PreTokenizer: Sendable, Equatable {
  /// Qwen2 and Llama 3, which differ in how many digits make a word.
  case contractionsAndDigits(most: Int)
  /// GPT-2's own expression, which `ByteLevel` applies unless told otherwise.
  case gpt2
  /// No cut: the whole piece is one word.
  case whole

  /// The expression of Qwen2, Qwen2.5 and Qwen3.
  package static let qwen2Expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
    + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
  /// The expression of Llama 3.
  package static let llama3Expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
    + #"\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The end of the word that begins at `start`, which lies before the text's end.
  func wordEnd(in text: ScalarText, from start: Int) -> Int {
    switch self {
    case .contractionsAndDigits(let most): Self.modernEnd(text, start, digits: most)
    case .gpt2: Self.gpt2End(text, start)
    case .whole: text.end
    }
  }

  /// The words of a whole text, in order; joined they are the text.
  package func words(in text: String) -> [String] {
    let text = ScalarText(bytes: Array(text.utf8), end: text.utf8.count)
    var words: [String] = []
    var start = 0
    while start < text.end {
      let end = wordEnd(in: text, from: start)
      words.append(String(decoding: text.bytes[start..<end], as: UTF8.self))
      start = end
    }
    return words
  }

  private static func modernEnd(_ text: ScalarText, _ start: Int, digits: Int) -> Int {
    guard let (scalar, next) = text.scalar(at: start) else { return start }
    // (?i:'s|'t|'re|'ve|'m|'ll|'d)
    if scalar == "'", let end = contractionEnd(text, next, anyCase: true) { return end }
    let kind = ScalarClass(scalar)
    switch kind {
    case .letter: return text.skip(from: next) { $0 == .letter }
    case .number:
      // \p{N}{1,most}
      var end = next
      for _ in 1..<digits {
        guard let (kind, after) = text.classified(at: end), kind == .number else { break }
        end = after
      }
      return end
    case .space, .other:
      // [^\r\n\p{L}\p{N}]?\p{L}+ with the optional character present
      if let (following, after) = text.classified(at: next), following == .letter {
        return text.skip(from: after) { $0 == .letter }
      }
    case .newline: break
    }
    if let end = punctuationEnd(text, start) { return text.skip(from: end) { $0 == .newline } }
    // \s*[\r\n]+ : the greedy \s* gives back only what follows the last line break of the run.
    let run = spaceRun(text, start)
    return run.afterLastNewline ?? run.end(in: text)
  }

  private static func gpt2End(_ text: ScalarText, _ start: Int) -> Int {
    guard let (scalar, next) = text.scalar(at: start) else { return start }
    if scalar == "'", let end = contractionEnd(text, next, anyCase: false) { return end }
    // ` ?\p{L}+`, ` ?\p{N}+`
    var first = ScalarClass(scalar)
    var after = next
    if scalar == " ", let (following, beyond) = text.classified(at: next) {
      (first, after) = (following, beyond)
    }
    if first == .letter || first == .number { return text.skip(from: after) { $0 == first } }
    if let end = punctuationEnd(text, start) { return end }
    return spaceRun(text, start).end(in: text)
  }

  /// The end of `'s|'t|'re|'ve|'m|'ll|'d` whose apostrophe ends at `position`.
  private static func contractionEnd(
    _ text: ScalarText, _ position: Int, anyCase: Bool
  ) -> Int? {
    guard let (first, next) = text.scalar(at: position) else { return nil }
    switch folded(first, anyCase) {
    case "s", "t", "m", "d": return next
    case "r", "v": return expect("e")
    case "l": return expect("l")
    default: return nil
    }

    func expect(_ letter: Unicode.Scalar) -> Int? {
      guard let (second, end) = text.scalar(at: next), folded(second, anyCase) == letter else {
        return nil
      }
      return end
    }
  }

  /// Simple case folding where it can matter: ASCII, and the long s, U+017F, which folds to `s`.
  private static func folded(_ scalar: Unicode.Scalar, _ anyCase: Bool) -> Unicode.Scalar {
    guard anyCase else { return scalar }
    if scalar == "\u{17F}" { return "s" }
    return ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
  }

  /// The end of ` ?[^\s\p{L}\p{N}]+`, or nil if there is no such character.
  private static func punctuationEnd(_ text: ScalarText, _ start: Int) -> Int? {
    let first = text.bytes[start] == UInt8(ascii: " ") ? start + 1 : start
    let end = text.skip(from: first) { $0 == .other }
    return end > first ? end : nil
  }

  /// A run of white space from `start` on.
  private struct SpaceRun {
    let start: Int
    let limit: Int
    /// Where its last character begins.
    let last: Int
    let afterLastNewline: Int?

    /// `\s+(?!\S)|\s+`: before a word the run leaves its last character to that word.
    func end(in text: ScalarText) -> Int {
      limit < text.end && last > start ? last : limit
    }
  }

  private static func spaceRun(_ text: ScalarText, _ start: Int) -> SpaceRun {
    var position = start
    var last = start
    var afterLastNewline: Int?
    while let (kind, next) = text.classified(at: position), kind.isSpace {
      if kind == .newline { afterLastNewline = next }
      last = position
      position = next
    }
    precondition(position > start, "PreTokenizer: byte \(start) matches no alternative")
    return SpaceRun(start: start, limit: position, last: last, afterLastNewline: afterLastNewline)
  }
}

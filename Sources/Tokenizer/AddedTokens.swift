/// A token that stands beside the vocabulary and is found in the text before it is split.
public struct AddedToken: Sendable, Equatable {
  public let id: Int32
  public let content: String
  /// Dropped by `decode(skipSpecials:)`, and plain text under `.asText`.
  public let isSpecial: Bool
  /// Looked for in the normalized text; otherwise in the raw text.
  let isNormalized: Bool
  /// Found only where no letter, mark, digit or underscore touches it.
  var isSingleWord = false
  /// Takes the white space before it, or behind it, with it.
  var stripsLeft = false
  var stripsRight = false
}

/// Finds added tokens in text: leftmost, then longest. A trie over UTF-8 bytes.
struct AddedTokens: Sendable {
  private struct Node {
    var children: [UInt8: Int] = [:]
    var token: AddedToken?
  }

  private var nodes = [Node()]
  /// Whether any token begins with this byte: most positions are passed over by this alone.
  private var begins = [Bool](repeating: false, count: 256)
  var isEmpty: Bool { nodes.count == 1 }

  /// - Parameter content: what to look for, the normalized content where that is asked.
  mutating func insert(_ token: AddedToken, content: String) {
    var place = 0
    for (index, byte) in content.utf8.enumerated() {
      if index == 0 { begins[Int(byte)] = true }
      if let child = nodes[place].children[byte] {
        place = child
      } else {
        nodes.append(Node())
        nodes[place].children[byte] = nodes.count - 1
        place = nodes.count - 1
      }
    }
    nodes[place].token = token
  }

  /// The longest token that begins at `start`, and where it ends.
  private func longest(in bytes: [UInt8], at start: Int, before end: Int) -> (AddedToken, Int)? {
    var found: (AddedToken, Int)?
    var place = 0
    var position = start
    while position < end, let child = nodes[place].children[bytes[position]] {
      place = child
      position += 1
      if let token = nodes[place].token { found = (token, position) }
    }
    return found
  }

  /// Cuts `range` at its tokens and hands out the pieces in order.
  ///
  /// A special token that is to be text, or a token that is no word of its own, is passed over whole and
  /// becomes part of the text around it, as Hugging Face does it: no shorter token is looked for inside.
  func split(
    _ bytes: [UInt8], _ range: Range<Int>, specials: SpecialTokens,
    text: (Range<Int>) -> Void, token: (AddedToken) -> Void
  ) {
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      guard begins[Int(bytes[position])],
        let (found, end) = longest(in: bytes, at: position, before: range.upperBound)
      else {
        position += 1
        continue
      }
      let place = position..<end
      position = end
      if found.isSpecial && specials.areText(at: place.lowerBound) { continue }
      if found.isSingleWord, Self.touchesWord(bytes, place, within: range) { continue }
      var taken = place
      if found.stripsLeft {
        let left = Self.spaceStart(bytes, before: taken.lowerBound, from: range.lowerBound)
        taken = max(left, start)..<taken.upperBound
      }
      if found.stripsRight {
        let right = Self.spaceEnd(bytes, behind: end, before: range.upperBound)
        taken = min(taken.lowerBound, right)..<right
      }
      if taken.lowerBound > start { text(start..<taken.lowerBound) }
      token(found)
      start = taken.upperBound
    }
    if start < range.upperBound { text(start..<range.upperBound) }
  }

  /// Where special tokens stand in `bytes`, as `split` would cut them out.
  func specialPlaces(in bytes: [UInt8]) -> [Range<Int>] {
    var places: [Range<Int>] = []
    var position = 0
    while position < bytes.count {
      guard begins[Int(bytes[position])],
        let (found, end) = longest(in: bytes, at: position, before: bytes.count)
      else {
        position += 1
        continue
      }
      if found.isSpecial { places.append(position..<end) }
      position = end
    }
    return places
  }

  // MARK: What stands around a token

  private static func scalar(before position: Int, _ bytes: [UInt8], from start: Int) -> (
    Unicode.Scalar, Int
  )? {
    guard position > start else { return nil }
    var place = position - 1
    while place > start, bytes[place] & 0xC0 == 0x80 { place -= 1 }
    return ScalarText(bytes: bytes, end: position).scalar(at: place).map { ($0.scalar, place) }
  }

  private static func touchesWord(
    _ bytes: [UInt8], _ place: Range<Int>, within range: Range<Int>
  ) -> Bool {
    let text = ScalarText(bytes: bytes, end: range.upperBound)
    let before = scalar(before: place.lowerBound, bytes, from: range.lowerBound)
    return before?.0.belongsToWord ?? false
      || text.scalar(at: place.upperBound)?.scalar.belongsToWord ?? false
  }

  private static func spaceStart(_ bytes: [UInt8], before position: Int, from start: Int) -> Int {
    var position = position
    while let (scalar, place) = scalar(before: position, bytes, from: start),
      scalar.properties.isWhitespace
    {
      position = place
    }
    return position
  }

  private static func spaceEnd(_ bytes: [UInt8], behind position: Int, before end: Int) -> Int {
    let text = ScalarText(bytes: bytes, end: end)
    var position = position
    while let (scalar, next) = text.scalar(at: position), scalar.properties.isWhitespace {
      position = next
    }
    return position
  }
}

extension Unicode.Scalar {
  /// `\w` of the expressions that Hugging Face's tokenizers looks with: letters, marks, decimal digits,
  /// connecting punctuation and joiners, as far as Unicode 16 knows them.
  fileprivate var belongsToWord: Bool {
    guard (properties.age?.major ?? .max) <= 16 else { return false }
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return false
    }
  }
}

/// What becomes of the spelling of a special token inside a text.
public enum SpecialTokens: Sendable {
  /// It is that token: for text that a chat template rendered.
  case recognized
  /// It is that token but at these byte offsets, where it is text: for what a chat template rendered
  /// around content that a user or a data set wrote.
  case recognizedExcept(at: Set<Int>)
  /// It is text like any other: for content that a user or a data set wrote. Added tokens that are
  /// not special, such as `<tool_call>` of Qwen2.5, are recognized all the same.
  case asText

  func areText(at place: Int) -> Bool {
    switch self {
    case .recognized: false
    case .recognizedExcept(let places): places.contains(place)
    case .asText: true
    }
  }

  /// For a piece that is normalized, so that offsets mean nothing within it.
  func within(_ piece: Range<Int>) -> SpecialTokens {
    guard case .recognizedExcept(let places) = self else { return self }
    return places.contains(where: piece.contains) ? .asText : .recognized
  }
}

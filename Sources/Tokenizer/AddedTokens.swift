/// A token that stands beside the vocabulary and is found in the text before it is split.
public struct AddedToken: Sendable, Equatable {
  public let id: Int32
  public let content: String
  /// Dropped by `decode(skipSpecials:)`, and plain text under `.asText`.
  public let isSpecial: Bool
  /// Looked for in the normalized text; otherwise in the raw text.
  let isNormalized: Bool
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
  /// A special token under `.asText` is passed over whole and becomes part of the text around it,
  /// as Hugging Face does it: no shorter token is looked for inside.
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
      if !(found.isSpecial && specials == .asText) {
        if position > start { text(start..<position) }
        token(found)
        start = end
      }
      position = end
    }
    if start < range.upperBound { text(start..<range.upperBound) }
  }
}

/// What becomes of the spelling of a special token inside a text.
public enum SpecialTokens: Sendable {
  /// It is that token: for text that a chat template rendered.
  case recognized
  /// It is text like any other: for content that a user or a data set wrote. Added tokens that are
  /// not special, such as `<tool_call>` of Qwen2.5, are recognized all the same.
  case asText
}

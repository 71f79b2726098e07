/// What a search looks for: a text as it stands, or a regular expression of the kind that the verifier
/// `regex` has, whose time is linear in the text whatever it says.
public struct TextPattern: Sendable {
  /// What a search of one text found.
  public struct Found: Sendable, Equatable {
    /// UTF-8 ranges, ascending, none empty.
    public var ranges: [Range<Int>] = []
    /// Whether the search came to the text's end.
    public var isComplete = true
  }

  /// Steps of one text's search: a second, where a pattern makes much of a text of megabytes.
  private static let stepLimit = 50_000_000
  /// Matches of one text that are told.
  private static let matchLimit = 10_000

  private enum Kind: Sendable {
    case bytes([UInt8])
    case expression(LinearRegex)
  }

  private let kind: Kind

  /// A text as it stands.
  public init(_ text: String) { kind = .bytes(Array(text.utf8)) }

  /// - Parameters:
  ///   - pattern: as docs/verifiers.md says, section regex.
  ///   - isLiteral: every character stands for itself.
  /// - Throws: for a pattern that is none of ours.
  public init(
    expression pattern: String, isLiteral: Bool = false, ignoresCase: Bool = false
  ) throws(VerifierError) {
    let text = isLiteral ? Self.escaped(pattern) : pattern
    do { kind = .expression(try LinearRegex(text, ignoresCase: ignoresCase)) } catch {
      throw VerifierError(
        "pattern", "the pattern \(error.problem)",
        remedy: "Write it as docs/verifiers.md says, section regex.")
    }
  }

  /// All matches that do not overlap, from the left.
  public func search(_ text: String) -> Found {
    switch kind {
    case .bytes(let wanted): return Self.search(Array(text.utf8), for: wanted)
    case .expression(let regex): return Self.search(Array(text.unicodeScalars), by: regex)
    }
  }

  private static func search(_ text: [UInt8], for wanted: [UInt8]) -> Found {
    var found = Found()
    guard let first = wanted.first, text.count >= wanted.count else { return found }
    var place = 0
    let last = text.count - wanted.count
    while place <= last {
      if text[place] == first, text[place..<place + wanted.count].elementsEqual(wanted) {
        found.ranges.append(place..<place + wanted.count)
        guard found.ranges.count < matchLimit else { break }
        place += wanted.count
      } else {
        place += 1
      }
    }
    return found
  }

  private static func search(_ text: [Unicode.Scalar], by regex: LinearRegex) -> Found {
    var found = Found()
    var steps = stepLimit
    var start = 0
    // Bytes of the scalars before `counted`.
    var (counted, bytes) = (0, 0)
    func offset(of scalar: Int) -> Int {
      bytes = text[counted..<scalar].reduce(bytes) { $0 + UTF8.width($1) }
      counted = scalar
      return bytes
    }
    while start <= text.count, found.ranges.count < matchLimit {
      switch regex.first(in: text, from: start, steps: &steps) {
      case .none: return found
      case .tooLong:
        found.isComplete = false
        return found
      case .found(let match):
        let lower = offset(of: match.whole.lowerBound)
        if !match.whole.isEmpty {
          found.ranges.append(lower..<offset(of: match.whole.upperBound))
        }
        start = max(match.whole.upperBound, match.whole.lowerBound + 1)
      }
    }
    return found
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      if character.isASCII, !character.isLetter, !character.isNumber, !character.isWhitespace {
        result += "\\"
      }
      result.append(character)
    }
  }
}

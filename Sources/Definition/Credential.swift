/// What looks like a credential, so that its value is neither stored nor printed.
///
/// A key that takes one is declared `secret` and holds a reference to the environment. This here is
/// for the mistakes: a token under a key that does not exist, in a URL, or where a key should stand.
/// It errs towards hiding; nothing but error messages depends on it.
public enum Credential {
  /// What stands in the place of a value.
  static let hidden = "a value that is not shown"

  /// Words that name a credential wherever they stand in a key, without its separators.
  private static let marks = [
    "apikey", "secret", "password", "passwd", "passphrase", "authorization", "credential",
    "privatekey", "accesskey", "bearer", "cookie",
  ]
  /// Words that do so as a whole word: `token`, but not `tokenizer` or `maximum_tokens`.
  private static let wholeWords: Set<String> = ["token", "auth", "pwd", "pat"]
  /// How credentials of well-known services begin.
  private static let beginnings = [
    "sk-", "pk-", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "hf_", "xoxb-", "xoxp-", "AKIA",
    "eyJ", "-----BEGIN",
  ]

  /// Whether a key of this name would hold a credential: `api_key`, `server.auth-token`, `PASSWORD`.
  public static func isNamed(_ name: some StringProtocol) -> Bool {
    let parts = words(of: name)
    let joined = parts.joined()
    return parts.contains { wholeWords.contains($0) } || marks.contains { joined.contains($0) }
  }

  /// Whether a text may hold a credential: it mentions the name of one, or is itself like one.
  public static func isLikely(in text: some StringProtocol) -> Bool {
    isNamed(text) || isValue(text)
  }

  /// Whether a text, a key for instance, holds a credential's value: it begins like one, is a URL with
  /// user information, or has more than a name in it.
  static func isValue(_ text: some StringProtocol) -> Bool {
    let begins = String(text).split { " \t\n\"'=:,[]{}()".contains($0) }.contains { word in
      beginnings.contains { word.hasPrefix($0) }
    }
    return begins || redactingURLs(in: String(text)) != text
      || (isNamed(text) && text.contains { $0.isWhitespace || $0 == "=" || $0 == ":" })
  }

  /// `text` with the user information of every URL in it replaced: `https://…@host/path`.
  public static func redactingURLs(in text: String) -> String {
    var result = ""
    var rest = text[...]
    while let mark = rest.firstRange(of: "://") {
      result += rest[..<mark.upperBound]
      rest = rest[mark.upperBound...]
      let authority = rest.prefix { !"/?# \t\n\"'".contains($0) }
      if let at = authority.lastIndex(of: "@") {
        result += "…"
        rest = rest[at...]
      }
    }
    return result + rest
  }

  /// `camelCase`, `snake_case`, `kebab-case` and dots as lower-case words.
  private static func words(of name: some StringProtocol) -> [String] {
    var words: [String] = []
    var word = ""
    var followsSmall = false
    for character in name {
      let isWord = character.isLetter || character.isNumber
      if !word.isEmpty, !isWord || (followsSmall && character.isUppercase) {
        words.append(word)
        word = ""
      }
      if isWord { word += character.lowercased() }
      followsSmall = character.isLowercase
    }
    return word.isEmpty ? words : words + [word]
  }
}

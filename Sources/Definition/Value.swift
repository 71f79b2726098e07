/// A value of a definition, already checked against its key.
public enum Value: Sendable, Equatable {
  /// Written `null`: the key is deliberately without a value. (Not called `none`, so that a
  /// `Value?` can never be taken for it.)
  case absent
  case flag(Bool)
  case integer(Int)
  /// Finite.
  case number(Double)
  /// Also the value of a choice.
  case text(String)
  case list([Value])
  /// A map whose names are free, such as weights by data set; `list` order does not apply.
  case table([String: Value])
  /// A list of maps that have keys of their own.
  case sections([Section])
}

extension Value {
  /// The value in one line, as YAML flow style: `null`, `true`, `3`, `1e-05`, `[1, 2]`, `{a: 1.0}`.
  ///
  /// Deterministic, and read back to an equal value.
  public var inline: String { inline { _ in true } }

  /// As `inline`, without what stands under operational keys in lists of maps: equal texts make the same
  /// run.
  public var identity: String { inline { $0.role == .identity } }

  private func inline(_ shows: (Key) -> Bool) -> String {
    switch self {
    case .absent: return "null"
    case .flag(let flag): return flag ? "true" : "false"
    case .integer(let integer): return "\(integer)"
    // Swift prints the shortest text that reads back to the same bits; -0 and 0 are one value.
    case .number(let number): return "\(number == 0 ? 0 : number)"
    case .text(let text): return quoted(text)
    case .list(let items): return "[" + items.map { $0.inline(shows) }.joined(separator: ", ") + "]"
    case .table(let entries):
      let pairs = entries.sorted { $0.key < $1.key }
        .map { "\(quoted($0.key)): \($0.value.inline(shows))" }
      return "{" + pairs.joined(separator: ", ") + "}"
    case .sections(let sections):
      let maps = sections.map { section in
        "{"
          + section.saidKeys.filter(shows)
          .map { "\($0.path): \(section.value($0.path).inline(shows))" }
          .joined(separator: ", ") + "}"
      }
      return "[" + maps.joined(separator: ", ") + "]"
    }
  }
}

/// Text as a YAML scalar: bare where no reader could take it for anything else, else double-quoted.
func quoted(_ text: String) -> String {
  let words: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
  let letters = text.unicodeScalars.first.map { isLetter($0) || $0 == "_" } ?? false
  let plain = text.unicodeScalars.allSatisfy {
    isLetter($0) || ("0"..."9").contains($0) || $0 == "_" || $0 == "-" || $0 == "." || $0 == "/"
  }
  if letters, plain, !words.contains(text.lowercased()) { return text }
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    // What YAML calls unprintable, or folds as a line break.
    case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}"..."\u{2029}", "\u{FEFF}",
      "\u{FFFE}"..."\u{FFFF}",
      // And what reorders a line on a terminal.
      "\u{061C}", "\u{200E}"..."\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
      let hex = String(scalar.value, radix: 16, uppercase: true)
      result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
  ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
}

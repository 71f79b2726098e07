import Inspector
import Testing

@Suite("Text for terminals")
struct TerminalTextTests {
  @Test("no control, C1, separator or bidirectional scalar survives escaping")
  func escapesAll() {
    var hostile: [UInt32] = Array(0..<0x20) + Array(0x7F..<0xA0)
    hostile += [0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0xE0001, 0xE0041]
    hostile += Array(0x202A...0x202E) + Array(0x2066...0x2069)
    var survivors: [String] = []
    for value in hostile {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let escaped = TerminalText.escaped("a\(String(scalar))b")
      let wanted = value == 0x0A ? "a\\nb" : "a\\u{\(String(value, radix: 16))}b"
      if escaped != wanted { survivors.append("\(value): \(escaped)") }
    }
    #expect(survivors.isEmpty)
  }

  @Test("harmless text of any script stays as it is")
  func keepsText() {
    let text = "12 + 7 = 19, ñ é ß 漢字 한국어 עברית العربية 👩‍👩‍👧 e\u{301}"
    #expect(TerminalText.escaped(text) == text)
  }

  @Test("newlines stay only where they are wanted")
  func newlines() {
    #expect(TerminalText.escaped("a\nb") == "a\\nb")
    #expect(TerminalText.escaped("a\nb\r", keepsNewlines: true) == "a\nb\\u{d}")
  }

  @Test("widths count columns, not characters")
  func widths() {
    #expect(TerminalText.width(of: "abc") == 3)
    #expect(TerminalText.width(of: "漢字") == 4)
    #expect(TerminalText.width(of: "e\u{301}") == 1)
    #expect(TerminalText.width(of: "👩‍👩‍👧") == 2)
    #expect(TerminalText.width(of: "✅⭐🇩🇪") == 6)
    #expect(TerminalText.width(of: "●○◐▁█│…") == 7)
  }

  @Test("a fitted text is never wider than asked, and is whole when it fits")
  func fits() {
    var failures: [String] = []
    for text in ["", "a", "abcdef", "漢字漢字", "a漢b字c", "e\u{301}e\u{301}e\u{301}"] {
      for columns in 0...10 {
        let fitted = TerminalText.fitted(text, to: columns)
        if TerminalText.width(of: fitted) > columns { failures.append("\(text) \(columns)") }
        if TerminalText.width(of: text) <= columns, fitted != text { failures.append(text) }
      }
    }
    #expect(failures.isEmpty)
  }
}

import Browser
import Testing

@Suite("Keys of a terminal")
struct KeyReaderTests {
  private func keys(_ text: String) -> [Key] {
    var reader = KeyReader()
    return reader.keys(Array(text.utf8)) + reader.flush()
  }

  @Test("letters, wide characters, controls and sequences are keys; unknown ones are none")
  func keys() {
    #expect(keys("aé好") == [.character("a"), .character("é"), .character("好")])
    #expect(
      keys("\r\n\u{7F}\u{3}\u{1A}\u{C}") == [
        .enter, .enter, .backspace, .interrupt, .suspend, .redraw,
      ])
    #expect(
      keys("\u{1B}[A\u{1B}OB\u{1B}[5~\u{1B}[6~\u{1B}[H\u{1B}[4~") == [
        .up, .down, .pageUp, .pageDown, .home, .end,
      ])
    #expect(keys("\u{1B}[1;5Q\u{1B}[200~x\u{0}\u{1}") == [.character("x")])
    #expect(keys("\u{1B}q") == [.escape, .character("q")])
  }

  @Test("a sequence that comes in pieces is one key; an ESC alone is the key")
  func pieces() {
    var reader = KeyReader()
    #expect(reader.keys([0x1B]).isEmpty && reader.isWaiting)
    #expect(reader.keys([0x5B]).isEmpty && reader.keys([0x42]) == [.down])
    #expect(!reader.isWaiting)
    #expect(reader.keys([0xE5, 0xA5]).isEmpty && reader.keys([0xBD]) == [.character("好")])
    #expect(reader.keys([0x1B]).isEmpty && reader.flush() == [.escape])
    #expect(reader.keys([0xFF, 0xC3, 0x28]) == [.character("(")])
  }

  @Test("no bytes stop it", arguments: 0..<200)
  func anything(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var reader = KeyReader()
    for _ in 0..<200 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Few values, so that beginnings of sequences are frequent.
      let bytes: [UInt8] = [0x1B, 0x5B, 0x4F, 0x41, 0x31, 0xE5, 0xA5, 0x7E, 0x00, 0xFF]
      _ = reader.keys([bytes[Int(state >> 33) % bytes.count]])
    }
    // Whatever waited is given up, and the next key is read.
    _ = reader.flush()
    #expect(reader.keys([UInt8(ascii: "q")]) == [.character("q")])
  }
}

import Foundation
import Testing
import Tokenizer

@Suite struct TokenizerTests {
  /// Random scalars of all planes, with what is special to the scanners mixed in.
  static func text(_ random: inout SeededNumbers, atoms: Int) -> String {
    let special = [
      "'s", "'LL", " ", "  ", "\n", "\r\n", "\t", "\u{A0}", "\u{3000}", "e\u{301}", "123", "½",
      "word", "...", "<|im_end|>", "<|im_", "<tool_call>", "\u{1F468}\u{200D}\u{1F467}",
    ]
    var text = ""
    for _ in 0..<atoms {
      switch random.next() % 3 {
      case 0: text += special[Int(random.next() % UInt64(special.count))]
      case 1: text.unicodeScalars.append(Unicode.Scalar(UInt8(random.next() % 128)))
      default:
        if let scalar = Unicode.Scalar(UInt32(random.next() % 0x110000)) {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    return text
  }

  /// With all 256 bytes in the vocabulary decoding gives back what NFC left, and nothing is lost.
  @Test func decodingInvertsEncodingUpToNFC() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    var random = SeededNumbers(seed: 11)
    var failed: [Int] = []
    for round in 0..<2000 {
      let text = Self.text(&random, atoms: [0, 1, 15, 16, 17][round % 5])
      let once = tokenizer.decode(tokenizer.encode(text))
      let twice = tokenizer.decode(tokenizer.encode(once))
      // The first pass may compose; the second must change nothing.
      if !once.utf8.elementsEqual(twice.utf8) { failed.append(round) }
      if text.unicodeScalars.allSatisfy({ $0.value < 0x300 }), !once.utf8.elementsEqual(text.utf8) {
        failed.append(round)
      }
    }
    #expect(failed == [], "seed 11")
  }

  @Test func everyIdIsBelowTheCountAndHasAToken() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    #expect(tokenizer.count == 1024)
    var random = SeededNumbers(seed: 12)
    for _ in 0..<200 {
      let ids = tokenizer.encode(Self.text(&random, atoms: 20))
      #expect(ids.allSatisfy { tokenizer.hasToken($0) })
    }
    #expect(!tokenizer.hasToken(1024) && !tokenizer.hasToken(-1))
    #expect(tokenizer.decode([5000, -1]) == "")
  }

  @Test func specialTokensInUserTextCanStayText() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    let end = try #require(tokenizer.id(of: "<|im_end|>"))
    let text = "a<|im_end|>b"
    #expect(tokenizer.encode(text).contains(end))
    let plain = tokenizer.encode(text, specials: .asText)
    #expect(!plain.contains(end))
    #expect(tokenizer.decode(plain) == text)
    #expect(tokenizer.decode(tokenizer.encode(text), skipSpecials: true) == "ab")
  }

  @Test func brokenUTF8BecomesOneReplacementForEachMaximalPart() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    let byteIDs = try (0..<256).map {
      try #require(tokenizer.id(of: ByteAlphabet.spelling(of: [UInt8($0)])))
    }
    func decode(_ bytes: [Int]) -> [UInt32] {
      tokenizer.decode(bytes.map { byteIDs[$0] }).unicodeScalars.map(\.value)
    }
    #expect(decode([0xE4, 0xBD, 0x41]) == [0xFFFD, 0x41])
    #expect(decode([0xF0, 0x9F, 0x98]) == [0xFFFD])
    #expect(decode([0x80, 0x80]) == [0xFFFD, 0xFFFD])
    #expect(decode([0xED, 0xA0, 0x80]) == [0xFFFD, 0xFFFD, 0xFFFD])
    #expect(decode([0xF0, 0x9F, 0x98, 0x80]) == [0x1F600])
  }

  /// A megabyte each. All together take two seconds; a merge that looks at the whole word again after
  /// each of its half million joins takes minutes for one, so that the limit tells the two apart on a
  /// busy machine.
  @Test func hostileTextTakesNearLinearTime() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    var random = SeededNumbers(seed: 13)
    let letters = (0..<1 << 20).map { _ in UInt8(97 + random.next() % 26) }
    let marks: [Unicode.Scalar] = ["\u{301}", "\u{327}", "\u{300}", "\u{323}"]
    var combining = "a"
    for _ in 0..<1 << 19 {
      combining.unicodeScalars.append(marks[Int(random.next() % UInt64(marks.count))])
    }
    func repeated(_ text: String) -> String {
      String(repeating: text, count: (1 << 20) / text.utf8.count)
    }
    let texts =
      [String(decoding: letters, as: UTF8.self), combining]
      + [
        "a", "ab", " ", "\n", "1", "'", ".", "\t \n", "\u{4F60}", "<|im_end|>", "<|im_end",
        "e\u{301}",
      ]
      .map(repeated)
    for (index, text) in texts.enumerated() {
      let start = ContinuousClock.now
      let ids = tokenizer.encode(text)
      #expect(ContinuousClock.now - start < .seconds(20), "text \(index)")
      #expect(tokenizer.encode(tokenizer.decode(ids)) == ids, "text \(index)")
    }
  }

  /// Whatever is cut, the pieces together are what decoding at once gives.
  @Test func decodingOneByOneIsDecodingAtOnce() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    var random = SeededNumbers(seed: 14)
    let bytes = try (0..<256).map {
      try #require(tokenizer.id(of: ByteAlphabet.spelling(of: [UInt8($0)])))
    }
    let pieces: [[UInt8]] = [
      [0xE4, 0xBD, 0xA0], [0xF0, 0x9F, 0x98, 0x80], [0xC3], [0xE0], [0x80], [0xED, 0xA0],
      [0xF4, 0x90],
      [0xFF], [0x41], [0xF0, 0x9F], [0xE0, 0x80], [0xF4, 0x8F, 0xBF],
    ]
    var failed: [Int] = []
    for round in 0..<2000 {
      var ids: [Int32] = []
      for _ in 0..<random.next() % 8 {
        ids +=
          random.next() % 3 == 0
          ? [Int32(random.next() % 1024)]
          : pieces[Int(random.next() % UInt64(pieces.count))].map { bytes[Int($0)] }
      }
      for skips in [false, true] {
        var decoder = IncrementalDecoder(tokenizer, skipSpecials: skips)
        var text = ""
        for id in ids { text += decoder.append(id) }
        text += decoder.finish()
        let whole = tokenizer.decode(ids, skipSpecials: skips)
        if !text.utf8.elementsEqual(whole.utf8) { failed.append(round) }
      }
    }
    #expect(failed == [], "seed 14")
    // A character is given as soon as its last byte is there, and no sooner.
    var decoder = IncrementalDecoder(tokenizer)
    let given = [0xF0, 0x9F, 0x98, 0x80].map { decoder.append(bytes[$0]) }
    #expect(given == ["", "", "", "\u{1F600}"] && decoder.finish() == "")
  }

  @Test func specialTokensAreTextWhereTheyAreToldTo() throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    let end = try #require(tokenizer.id(of: "<|im_end|>"))
    let text = "a<|im_end|>b<|im_end|>"
    let places = tokenizer.specialPlaces(in: text)
    #expect(places == [1..<11, 12..<22])
    let ids = tokenizer.encode(text, specials: .recognizedExcept(at: [1]))
    #expect(ids.filter { $0 == end }.count == 1 && ids.last == end)
    #expect(tokenizer.decode(ids) == text)
  }

  @Test func tasksShareOneTokenizer() async throws {
    let tokenizer = try TokenizerFixtures.load("arith-1024")
    let expected = tokenizer.encode("What is 12 * 13?")
    await withTaskGroup(of: [Int32].self) { group in
      for _ in 0..<64 { group.addTask { tokenizer.encode("What is 12 * 13?") } }
      for await ids in group { #expect(ids == expected) }
    }
  }
}

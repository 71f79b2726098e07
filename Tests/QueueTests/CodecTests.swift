import Queue
import Testing

@Suite struct CodecTests {
  /// Values of the reference implementation (xxHash 0.8).
  @Test func hashGivesTheReferenceValues() {
    let known: [(String, UInt64)] = [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
    ]
    for (text, value) in known { #expect(XXH64.hash(Array(text.utf8)) == value, "\(text)") }
  }

  /// zstd ends a frame with the low half of XXH64 of its content: an implementation to compare
  /// with, at every length around the stripes.
  @Test func hashAgreesWithTheOneInsideZstdHoweverItIsSplit() {
    let codec = FrameCodec()
    var generator = SeededGenerator(seed: 3)
    var failures: [Int] = []
    for length in 0..<300 {
      let bytes = generator.noise(length)
      let frame = codec.compress(bytes, with: nil)
      let expected = frame.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      var split = XXH64()
      let cut = Int.random(in: 0...length, using: &generator)
      split.update(Array(bytes[..<cut]))
      split.update(Array(bytes[cut...]))
      let hashes = [XXH64.hash(bytes), split.finalize()]
      if hashes.contains(where: { UInt32(truncatingIfNeeded: $0) != expected }) {
        failures.append(length)
      }
    }
    #expect(failures.isEmpty)
  }

  @Test func framesComeBackAndRefuseEveryOtherLength() throws {
    let codec = FrameCodec()
    for length in [0, 1, 15, 16, 17, 5000] {
      let raw = Array(repeating: UInt8(7), count: length)
      let frame = codec.compress(raw, with: nil)
      #expect(try codec.decompress(frame[...], length: length, with: nil, place: "x") == raw)
      for other in [length + 1, 64 << 20] {
        #expect(throws: QueueError.self) {
          try codec.decompress(frame[...], length: other, with: nil, place: "x")
        }
      }
    }
  }

  @Test func hostileFramesAreRefusedWithoutReservingWhatTheyClaim() {
    let codec = FrameCodec()
    let frame = codec.compress(Array(repeating: 1, count: 1000), with: nil)
    // Header 0xE0: single segment, 8 bytes of content size; the claim is 2^40 bytes.
    let liar: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0]
    // No content size: a window descriptor alone.
    let unknown: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58, 1, 0, 0]
    let frames: [(String, [UInt8])] = [
      ("empty", []), ("noise", Array(repeating: 0xA5, count: 64)), ("liar", liar),
      ("unknown size", unknown), ("two frames", frame + frame), ("tail", frame + [0]),
      ("cut", Array(frame.dropLast())), ("skippable", [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 9]),
    ]
    for (name, frame) in frames {
      let error = #expect(throws: QueueError.self, "\(name)") {
        try codec.decompress(frame[...], length: 1000, with: nil, place: "rollouts/1")
      }
      #expect(error?.code == .damaged && error?.location == "rollouts/1", "\(name)")
    }
  }

  @Test func aFrameIsRefusedWithoutItsDictionaryOrWithAnother() throws {
    let codec = FrameCodec()
    func train(_ word: String) throws -> CompressionDictionary {
      let samples = (0..<400).map { Array("\(word) number \($0) of \($0 * 31 % 97), \(word)".utf8) }
      return try #require(CompressionDictionary.train(on: samples, capacity: 2048))
    }
    let right = try train("verdict")
    let wrong = try train("decision")
    let raw = Array("verdict number 5 of 58, verdict".utf8)
    let frame = codec.compress(raw, with: right)
    #expect(frame.count < codec.compress(raw, with: nil).count)
    #expect(
      try codec.decompress(frame[...], length: raw.count, with: right, place: "x") == raw)
    for other in [nil, wrong] {
      #expect(throws: QueueError.self) {
        try codec.decompress(frame[...], length: raw.count, with: other, place: "x")
      }
    }
  }
}

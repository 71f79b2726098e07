import Foundation
import Records
import Testing
import Tokenizer

/// Holds NAME/tokenizer.json, and texts.json, a list of texts.
private let measuredFolder = ProcessInfo.processInfo.environment["TEMPER_TOKENIZERS"]

/// Measures tokenizers: a small one, or those in the folder that `docs/tools/tokenizer-speed.py` names,
/// which puts Hugging Face's figures beside these. Seconds are the thread's own on the processor, so
/// that what else runs counts little.
@Suite(.serialized) struct SpeedTests {
  private func tokenizers() throws -> [(name: String, tokenizer: Tokenizer)] {
    guard let folder = measuredFolder else {
      return [("arith-1024", try TokenizerFixtures.load("arith-1024"))]
    }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0 != "texts.json" }
      .map { ($0, try Tokenizer(file: "\(folder)/\($0)/tokenizer.json")) }
  }

  private func seconds(_ work: () -> Void) -> Double {
    func now() -> Double {
      var time = timespec()
      unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let begin = now()
    work()
    return now() - begin
  }

  private func texts() throws -> [String] {
    guard let folder = measuredFolder else {
      return (0..<500).map { "Compute \($0) + \($0 * 7 % 100), step by step.\n#### \($0)\n" }
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/texts.json"))
    return try JSONDecoder().decode([String].self, from: data)
  }

  @Test func everydayTexts() throws {
    let texts = try texts()
    for (name, tokenizer) in try tokenizers() {
      var best = Double.infinity
      var sum = 0
      for _ in 0..<5 {
        var count = 0
        sum = 0
        best = min(
          best,
          seconds {
            for text in texts {
              let ids = tokenizer.encode(text)
              // Tells whether both gave the same ids; costs little beside them.
              for id in ids {
                count += 1
                sum = (sum &* 31 &+ Int(id)) % 1_000_000_007
              }
            }
          })
        #expect(count > texts.count)
      }
      // A megabyte a second, a tenth of what is usual.
      #expect(best < Double(texts.reduce(0) { $0 + $1.utf8.count }) * 1e-6, "\(name): \(best) s")
      print("texts \(name) seconds \(best) digest \(sum)")
    }
  }

  /// One megabyte without a space, of kinds that were chosen to be hard, and a quarter of it; a
  /// quarter of all that where nobody looks at the figures.
  @Test func megabytes() throws {
    var random = SeededNumbers(seed: 1)
    let size = measuredFolder == nil ? 1 << 18 : 1 << 20
    func letters(_ alphabet: String) -> String {
      let all = Array(alphabet.unicodeScalars)
      var text = String.UnicodeScalarView()
      var bytes = 0
      while bytes < size {
        let scalar = all[Int(random.next() % UInt64(all.count))]
        text.append(scalar)
        bytes += UTF8.width(scalar)
      }
      return String(text)
    }
    let kinds: [(String, String)] = [
      ("one-letter", letters("a")), ("two-letters", letters("ab")),
      ("letters", letters("abcdefghijklmnopqrstuvwxyz")), ("digits", letters("0123456789")),
      ("punctuation", letters("<|>!-'\"")), ("line-breaks", letters("\n\r")),
      ("cjk", letters("\u{4E2D}\u{6587}\u{5B57}\u{8BCD}\u{8A9E}")),
      ("emoji", letters("\u{1F600}\u{1F469}\u{200D}\u{1F3FD}")),
      ("marks", "a" + letters("\u{301}\u{327}\u{316}\u{5B0}")),
      ("hangul", letters("\u{1100}\u{1161}\u{11A8}")),
      ("half-tokens", String(repeating: "<|im_start", count: size / 10)),
      ("tokens", String(repeating: "<|endoftext|>", count: size / 13)),
    ]
    for (name, tokenizer) in try tokenizers() {
      for (kind, text) in kinds {
        let scalars = text.unicodeScalars
        let quarter = String(scalars.prefix(scalars.count / 4))
        func best(_ text: String) -> Double {
          (0..<3).reduce(.infinity) { best, _ in
            min(best, seconds { _ = tokenizer.encode(text) })
          }
        }
        let (short, long) = (best(quarter), best(text))
        print("megabyte \(name) \(kind) seconds \(long) quarter \(short)")
        // Sixteen times would be quadratic; what is over in no time is not measured well.
        #expect(long < max(8 * short, 0.02), "\(name): \(kind)")
      }
    }
  }
}

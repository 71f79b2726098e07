import Foundation
import Records
import Testing
import Tokenizer

/// Holds NAME/tokenizer.json, and texts.json, a list of texts.
private let measuredFolder = ProcessInfo.processInfo.environment["TEMPER_TOKENIZERS"]

/// Measures tokenizers for `docs/tools/tokenizer-speed.py`, which names their folder and puts Hugging
/// Face's figures beside these. Seconds are of the processor, so that what else runs counts little.
@Suite(
  .serialized,
  .enabled(if: measuredFolder != nil, "docs/tools/tokenizer-speed.py sets TEMPER_TOKENIZERS"))
struct SpeedTests {
  private func tokenizers() throws -> [(name: String, tokenizer: Tokenizer)] {
    let folder = try #require(measuredFolder)
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0 != "texts.json" }
      .map { ($0, try Tokenizer(file: "\(folder)/\($0)/tokenizer.json")) }
  }

  private func seconds(_ work: () -> Void) -> Double {
    let begin = clock()
    work()
    return Double(clock() - begin) / Double(CLOCKS_PER_SEC)
  }

  @Test func texts() throws {
    let folder = try #require(measuredFolder)
    let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/texts.json"))
    let texts = try JSONDecoder().decode([String].self, from: data)
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
      print("texts \(name) seconds \(best) digest \(sum)")
    }
  }

  /// One megabyte without a space, of kinds that were chosen to be hard, and a quarter of it.
  @Test func megabytes() throws {
    var random = SeededNumbers(seed: 1)
    let size = 1 << 20
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

import Foundation
import Parquet
import Records
import Shards
import Testing

/// Files of others on their way into a dataset.
@Suite struct ImportFuzzTests {
  private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().path

  private static func file(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(tests)/\(name)")))
  }

  private static func path(_ name: String) -> String {
    NSTemporaryDirectory() + "temper-\(name)-\(UUID().uuidString)"
  }

  @Test func parquet() throws {
    let corpus = try ["snappy-1", "none-2", "zstd-2"].map {
      try Self.file("ParquetTests/Fixtures/\($0).parquet")
    }
    let path = Self.path("fuzz.parquet")
    let file = InputFile(path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    Fuzzing.expectSound(
      FuzzTarget(name: "parquet", corpus: corpus, words: ["PAR1", "\u{15}\u{4}", "schema"]) {
        bytes in
        file.write(bytes)
        let file = try ParquetFile(path, rowLimit: 1 << 16)
        var line = JSONText()
        while try file.next(into: &line) {
          guard !line.bytes.isEmpty else { continue }
          // Texts are given as they are; all else of a row is JSON.
          do { _ = try JSONValue(parsing: line.bytes) } catch let error as JSONError {
            guard error.problem.contains("UTF-8") else { throw BrokenPromise(what: error.problem) }
          }
        }
      })
  }

  /// The scanner of rows takes what the parser takes, and reads the same in it.
  @Test func tape() {
    let corpus = [
      #"{"id":"a\u00e9\ud83e\uddee","n":[1,-0.5e3,true,false,null,{}],"o":{"x":"\\\"","y":[[]]}}"#,
      #" { "a" : [ ] , "b" : "\/\b\f\n" , "c":12345678901234567890 } "#,
    ].map { Array($0.utf8) }
    let words = ["\"id\":", ",", "\\u00e9", "\\ud83e\\uddee", "{\"a\":1}", "[[", "é", "1e309"]
    var tape = JSONTape()
    Fuzzing.expectSound(
      FuzzTarget(name: "tape", corpus: corpus, words: words) { bytes in
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes, valueLimit: 100) } catch {
          guard (try? tape.read(bytes.span, valueLimit: 100)) == nil else {
            throw BrokenPromise(what: "taken although: \(error)")
          }
          throw error
        }
        do { try tape.read(bytes.span, valueLimit: 100) } catch {
          throw BrokenPromise(what: "refused: \(error)")
        }
        guard Self.isSame(value, 0, tape, bytes) else { throw BrokenPromise(what: "another value") }
      })
  }

  private static func isSame(
    _ value: JSONValue, _ node: Int, _ tape: JSONTape, _ bytes: [UInt8]
  ) -> Bool {
    let content = { String(decoding: tape.content(of: node, in: bytes.span), as: UTF8.self) }
    switch (value, tape.nodes[node].kind) {
    case (.null, .null), (.boolean(true), .yes), (.boolean(false), .no): return true
    case (.integer(let number), .integer): return Int(content()) == number
    case (.number(let number), .integer), (.number(let number), .number):
      return Double(content()) == number
    case (.string(let text), .string): return content().utf8.elementsEqual(text.utf8)
    case (.array(let values), .array):
      let nodes = tape.elements(of: node)
      return nodes.count == values.count
        && zip(values, nodes).allSatisfy { isSame($0, $1, tape, bytes) }
    case (.object(let members), .object):
      let names = tape.members(of: node)
      return names.count == members.count
        && zip(members, names).allSatisfy { member, name in
          tape.content(of: name, in: bytes.span).elementsEqual(member.name.utf8)
            && isSame(member.value, name + 1, tape, bytes)
        }
    default: return false
    }
  }

  /// Whole files of lines, plain and compressed, into a dataset whose rows are then read.
  @Test func imports() throws {
    let rows = [
      #"{"question": "1 + 1?", "answer": "so\n#### 2"}"#,
      #"{"prompt": [{"role": "user", "content": "q"}], "reward_model": {"ground_truth": "1"}, "target": null, "data_source": "s", "extra_info": {"index": 3}}"#,
      #"{"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}"#,
      #"{"problem": "p", "solution": "\\boxed{\\frac{1}{2}}"}"#,
    ].map { Array(($0 + "\n").utf8) }
    let corpus = rows + [try Self.file("ShardsTests/Fixtures/gsm8k.jsonl.gz")]
    let words = ["\"content\":", "\"role\":", "assistant", "system", "####", "\\\\boxed{", "\n"]
    let path = Self.path("fuzz.jsonl")
    let file = InputFile(path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = DatasetImport.Options()
    options.dropsSystem = true
    let folder = Self.path("fuzz-dataset")
    Fuzzing.expectSound(
      FuzzTarget(name: "import", corpus: corpus, words: words) { bytes in
        file.write(bytes)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try DatasetImport([path], to: folder, name: "d", options: options)
        let dataset = try Dataset(folder: folder)
        for index in 0..<made.manifest.rows {
          let row = try dataset.row(index)
          guard !row.id.isEmpty, !row.source.isEmpty else { throw BrokenPromise(what: "no id") }
        }
      })
  }
}

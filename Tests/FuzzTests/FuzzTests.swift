import ChatTemplate
import Definition
import Foundation
import Policy
import Queue
import Records
import Shards
import Stages
import Testing
import Tokenizer

/// Every reader of foreign bytes: accepted or refused, never a trap, a hang or another error.
@Suite struct FuzzTests {
  private func expectSound(_ target: FuzzTarget) {
    var fuzzing = Fuzzing()
    fuzzing.run(target)
    #expect(fuzzing.findings.isEmpty, "\(target.name): \(fuzzing.findings.prefix(3))")
    // Both must happen, or the inputs are too wild or too tame to show anything.
    #expect(fuzzing.classes.count >= 2, "\(target.name): \(fuzzing.classes)")
    #expect(!target.acceptsCorpus || fuzzing.accepted > 0, "\(target.name): no input is accepted")
  }

  @Test func definitions() throws {
    let folder = Self.root + "/pipelines"
    let corpus = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0.hasSuffix(".yaml") }.prefix(6)
      .map { name in Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))) }
    let schema = RunKeys.schema
    let words = [
      "&a ", "*a", "<<: ", "!!int ", "? ", "- ", "|\n", ">\n", "\n  ", "%YAML 1.1\n", "---\n",
    ]
    expectSound(
      FuzzTarget(
        name: "definition", corpus: Array(corpus), words: words + schema.keys.map { "\($0.path): " }
      ) { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        let definition = try schema.resolve(text: text, name: folder + "/x.yaml")
        let again = try schema.resolve(text: definition.yaml(), name: folder + "/x.yaml")
        guard again == definition else { throw BrokenPromise(what: "another definition") }
      })
  }

  @Test func manifests() throws {
    let path = Self.root + "/shards/ladder-test/manifest.json"
    let corpus = [Array(try Data(contentsOf: URL(fileURLWithPath: path)))]
    let words = ["\"file\":", "\"rows\":", "\"bytes\":", "\"sha256\":", "../", "/etc/passwd", ","]
    expectSound(
      FuzzTarget(name: "manifest", corpus: corpus, words: words) { bytes in
        let manifest = try DatasetManifest(json: bytes, location: "manifest.json")
        let isInside = manifest.shards.allSatisfy {
          // Two points in the middle of a name lead nowhere.
          !$0.file.contains("/") && !$0.file.hasPrefix(".") && $0.rows >= 0 && $0.bytes > 0
        }
        guard isInside, manifest.rows >= 0 else { throw BrokenPromise(what: "a shard elsewhere") }
      })
  }

  @Test func rows() {
    let corpus = [
      #"{"id":"a","prompt":"1 + 1 = ?","ground_truth":"2","demonstrations":["2"],"source":"s","tags":{"k":"v"}}"#,
      #"{"id":"b","messages":[{"role":"user","content":"\ud83e\uddee\n"}],"chosen":"x","rejected":["y"]}"#,
    ].map { Array($0.utf8) }
    let words = [
      "\"id\":", "\"prompt\":", "\"messages\":", "\"tags\":", "\"demonstrations\":", ",",
    ]
    expectSound(
      FuzzTarget(name: "row", corpus: corpus, words: words) { bytes in
        _ = try Prompt(line: bytes, location: "row")
      })
  }

  /// Each kind of record, behind the byte that tells which.
  @Test func records() {
    let kinds = SampleRecords.all
    let corpus = kinds.enumerated().map { [UInt8($0)] + Self.flattened($1.payload()) }
    expectSound(
      FuzzTarget(name: "record", corpus: corpus, words: ["\u{1}\u{2}", "~~~~~~~~"]) { bytes in
        guard let first = bytes.first, bytes.count > 2 else { return }
        try kinds[Int(first) % kinds.count].reread(Array(bytes.dropFirst()))
      })
  }

  /// The envelope as stored, and frames that a sound envelope vouches for.
  @Test func envelopes() {
    let codec = FrameCodec()
    let key = RecordKey(7)
    let record = SampleRecords.all[1].payload()
    let whole = record.stable + record.volatile
    let sealed = Envelope(
      kind: 2, recordVersion: 2, dictionary: 0, rawLength: whole.count,
      stableLength: record.stable.count
    ).sealed(codec.compress(whole, with: nil), log: .rollouts, key: key)
    expectSound(
      FuzzTarget(name: "envelope", corpus: [sealed], words: ["TMPR"]) { bytes in
        let (envelope, frame) = try Envelope.open(bytes, log: .rollouts, key: key)
        _ = try codec.decompress(frame, length: envelope.rawLength, with: nil, place: "x")
      })
    // The checksum refuses nearly everything; so here it is made to fit. Two bytes say how long the
    // record is to be.
    let frame =
      [UInt8(whole.count & 255), UInt8(whole.count >> 8)]
      + codec.compress(whole, with: nil)
    expectSound(
      FuzzTarget(name: "frame", corpus: [frame], words: ["(\u{B5}/\u{FD}"]) { bytes in
        guard bytes.count > 2 else { return }
        let length = Int(bytes[0]) | Int(bytes[1]) << 8
        let envelope = Envelope(
          kind: 2, recordVersion: 2, dictionary: 0, rawLength: length,
          stableLength: max(0, length - 8))
        let stored = envelope.sealed(Array(bytes.dropFirst(2)), log: .rollouts, key: key)
        let (opened, frame) = try Envelope.open(stored, log: .rollouts, key: key)
        let raw = try codec.decompress(frame, length: opened.rawLength, with: nil, place: "x")
        _ = try RolloutRecord(
          payload: RecordPayload(
            stable: Array(raw[..<opened.stableLength]), volatile: Array(raw[opened.stableLength...])
          ))
      })
  }

  @Test func safetensorsHeaders() throws {
    let path = NSTemporaryDirectory() + "/temper-fuzz-\(UUID().uuidString).safetensors"
    let stored = InputFile(path)
    defer { unsafe unlink(path) }
    func file(_ header: String, data: Int) -> [UInt8] {
      let length = UInt64(header.utf8.count)
      return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) }
        + Array(header.utf8)
        + [UInt8](repeating: 0, count: data)
    }
    let corpus = [
      file(#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#, data: 16),
      file(
        #"{"__metadata__":{"k":"v"},"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[0],"data_offsets":[2,2]}}"#,
        data: 2),
    ]
    let words = [
      "\"dtype\":", "\"shape\":", "\"data_offsets\":", "[0,0]", "\"F64\"", "\"F4\"", ",",
    ]
    expectSound(
      FuzzTarget(name: "safetensors", corpus: corpus, words: words) { bytes in
        // The header's length follows the text in every second input, or few would come past it.
        var bytes = bytes
        if bytes.count > 24, bytes.count % 2 == 0, let end = bytes.lastIndex(of: UInt8(ascii: "}"))
        {
          for index in 0..<8 {
            bytes[index] = UInt8(truncatingIfNeeded: UInt64(max(0, end - 7)) >> UInt64(8 * index))
          }
        }
        stored.write(bytes)
        let file = try SafetensorsFile(path: path)
        for tensor in file.tensors { _ = try file.bytes(of: tensor) }
      })
  }

  @Test func tokenizers() {
    let characters = Array("0123456789+-*/=? abcdefgh")
    let text = CharacterTokenizer.json(characters: characters, specials: ["<|endoftext|>"])
    // With merges, and the template of Llama 3.
    let merged = text.replacing(#""merges": []"#, with: #""merges": ["a b", ["c", "d"]]"#)
      .replacing(#""a": "#, with: #""ab": 900, "cd": 901, "a": "#)
      .replacing(
        #""post_processor": null"#,
        with: """
          "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}, \
          {"Sequence": {}}], "special_tokens": {"x": {"ids": [3]}}}
          """)
    // With a normalizer, an expression, and tokens that take what stands around them.
    let stripping = text.replacing(#""normalizer": null"#, with: #""normalizer": {"type": "NFC"}"#)
      .replacing(#""use_regex": false"#, with: #""use_regex": true"#)
      .replacing(#""lstrip": false"#, with: #""lstrip": true"#)
      .replacing(#""normalized": false"#, with: #""normalized": true"#)
    let words = [
      "\"id\":", "\"merges\":", "\"vocab\":", "\"content\":", "\"a b\"", "900", ",", "true",
      "false",
      "\"single_word\": true", "\"rstrip\": true", "\"ignore_merges\": true",
    ]
    expectSound(
      FuzzTarget(
        name: "tokenizer", corpus: [text, merged, stripping].map { Array($0.utf8) }, words: words
      ) { bytes in
        let tokenizer = try Tokenizer(json: bytes)
        let text =
          "abcd 12+3=? <|endoftext|> e\u{301}a\u{327}\u{301}\u{1F600}\n\n x<|endoftext|>"
        let encoded = [
          tokenizer.encode(text, template: true), tokenizer.encode(text, specials: .asText),
          tokenizer.encode(text, specials: .recognizedExcept(at: [12, 30])),
        ]
        for ids in encoded {
          guard ids.allSatisfy({ $0 >= 0 && $0 < tokenizer.count }) else {
            throw BrokenPromise(what: "an id beyond the vocabulary")
          }
          var decoder = IncrementalDecoder(tokenizer)
          let pieces = ids.map { decoder.append($0) }.joined() + decoder.finish()
          guard pieces.utf8.elementsEqual(tokenizer.decode(ids).utf8) else {
            throw BrokenPromise(what: "another text, decoded one by one")
          }
        }
      })
  }

  /// Parsed, and rendered where that goes well: whatever a template says, the same text twice, or an
  /// error in bounded time.
  @Test func templates() throws {
    let corpus = [
      """
      {%- if messages[0]['role'] == 'system' %}
          {%- set system = messages[0]['content'] | trim %}
          {%- set messages = messages[1:] %}
      {%- endif %}
      {{- bos_token ~ "<|s|>\\n" -}}
      {%- for m in messages if m.content is string %}
        {%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}
        {{- loop.index ~ m['content'].split(' ')[-1] | upper }}{# c -#}
      {%- else %}none{% endfor %}
      """,
      """
      {% macro show(x, n=2) -%}{{ x | tojson(indent=n) }}{{ caller() if caller }}{%- endmacro %}
      {% set ns = namespace(a=1, b=[]) %}{% for k, v in messages[0] | items %}{% set ns.b = ns.b + [k] %}
      {% if loop.last %}{% break %}{% endif %}{% endfor %}{{ show({'a': [1, 2.5, none, true]}) }}
      {% call show((1,)) %}{% raw %}{{ x }}{% endraw %}{% endcall %}{{ ns.b | join(', ') | default('d') }}
      """,
      """
      {% set x %}a{{ messages | map(attribute='role') | select('ne', 'b') | list | sort | unique | first }}
      {% endset %}{% filter indent(2) %}{{ x[::-1] * 3 }}{% endfilter %}{% with y = strftime_now('%d %b') %}{{
      'a' in y and not 1 > 2 ** 3 // 2 - 1 or [1, 2][0] is odd }}{% endwith %}{{ "%s-%d" % ('a', 1) }}
      """,
    ]
    let words = [
      "{{ ", " }}", "{% ", " %}", "{%- if a %}", "{% endif %}", "{% for m in messages %}",
      "{% endfor %}", "{% set x = ", "{#", "#}", " | ", "upper", "tojson", "join(',')", "messages",
      "loop",
      ".items()", "[0]", "[::-1]", "(", ")", "not ", " if ", " else ", "range(9)", "'a'",
      "{% macro f() %}",
      "{% endmacro %}", "f()", "namespace()", " ~ ", " * 99999", " ** 9", "1.5", " in ", " is ",
    ]
    let date = try #require(TemplateDate("2024-07-26"))
    let messages = [
      Message(role: "system", content: " be kind "), Message(role: "user", content: "1 + 1 = ?"),
      Message(role: "assistant", content: "e\u{301} \u{1F600}"),
    ]
    expectSound(
      FuzzTarget(name: "template", corpus: corpus.map { Array($0.utf8) }, words: words) { bytes in
        let source = String(decoding: bytes, as: UTF8.self)
        let template = try ChatTemplate(source, specialTokens: ["bos_token": "<s>"])
        let text = try template.render(messages, addGenerationPrompt: true, date: date)
        let again = try template.render(messages, addGenerationPrompt: true, date: date)
        guard text.utf8.elementsEqual(again.utf8) else { throw BrokenPromise(what: "another text") }
      })
  }
}

extension FuzzTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Stable and volatile part in one input: the first byte halves it.
  private static func flattened(_ payload: RecordPayload) -> [UInt8] {
    [UInt8(min(255, payload.volatile.count))] + payload.stable + payload.volatile
  }
}

extension StoredRecord {
  /// Reads `bytes` as a record of this kind; the first byte says how many at the end are volatile.
  fileprivate func reread(_ bytes: [UInt8]) throws {
    let volatile = min(Int(bytes[0]), bytes.count - 1)
    let payload = RecordPayload(
      stable: Array(bytes[1..<bytes.count - volatile]), volatile: Array(bytes.suffix(volatile)))
    let again = try Self(payload: payload).payload()
    // What was read once is written in one way only.
    guard try Self(payload: again).payload() == again else {
      throw BrokenPromise(what: "other bytes")
    }
  }
}

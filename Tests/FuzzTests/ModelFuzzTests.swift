import ChatTemplate
import Foundation
import Policy
import Records
import Testing
import Tokenizer

/// The readers of a model directory's files: weights with their index, configurations, tokenizer, chat
/// template. Accepted or refused, never a trap, a hang or another error.
@Suite struct ModelFuzzTests {
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
    Fuzzing.expectSound(
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

  /// The index of two shards, or the header of one of them: opened and read.
  @Test func shardedModels() throws {
    let folder = NSTemporaryDirectory() + "/temper-fuzz-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let shape = ModelConfiguration(
      vocabularySize: 8, hiddenSize: 4, intermediateSize: 4, layerCount: 1, headCount: 1,
      keyValueHeadCount: 1, headDimension: 4, maximumPositions: 8, stopIDs: [])
    try ModelDirectory.make(at: folder) { (building) throws(ModelDirectoryError) in
      try ModelDirectory.write(
        shape, to: building, storage: .bf16, shardBytes: 256,
        values: InitialWeights(shape, seed: 1).values)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0.contains("safetensors") }
    #expect(names.count >= 3)
    // The files, each under the name that the byte before it stands for.
    var files: [InputFile] = []
    var whole: [[UInt8]] = []
    for name in names {
      whole.append(Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))))
      files.append(InputFile("\(folder)/\(name)"))
      files[files.count - 1].write(whole[whole.count - 1])
    }
    let words =
      [
        "\"weight_map\":", "\"metadata\":", "\"total_size\":", "\"model.norm.weight\":",
        "\"lm_head.weight\":", "\"BF16\"", "\"F16\"", "\"F32\"", "\"shape\":", "[4]", "[8,4]", ",",
      ] + names.map { "\"\($0)\"" }
    Fuzzing.expectSound(
      FuzzTarget(
        name: "sharded-model", corpus: whole.enumerated().map { [UInt8($0)] + $1 }, words: words
      ) { bytes in
        let changed = Int(bytes.first ?? 0) % files.count
        files[changed].write(Array(bytes.dropFirst()))
        defer { files[changed].write(whole[changed]) }
        let model = try StoredModel(opening: folder)
        guard try model.parameters().count == shape.parameterCount else {
          throw BrokenPromise(what: "another number of parameters")
        }
      })
  }

  /// config.json and, behind a byte that no JSON holds, generation_config.json. What is accepted is
  /// written and read back the same.
  @Test func configurations() throws {
    let corpus = [
      #"{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 96, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "tie_word_embeddings": true, "max_position_embeddings": 512, "eos_token_id": 3, "hidden_act": "silu", "use_sliding_window": false, "sliding_window": 64, "torch_dtype": "bfloat16"}"#
        + "\u{1E}" + #"{"eos_token_id": [3, 5], "top_k": 20}"#,
      #"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 96, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "rope_theta": 500000.0, "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false, "bos_token_id": 1, "pad_token_id": null}"#,
      #"{"architectures": ["Qwen3ForTokenClassification"], "model_type": "qwen3", "vocab_size": 96, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 10, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}, "layer_types": ["full_attention"], "hidden_act": "silu", "attention_dropout": 0.0, "id2label": {"0": "LABEL_0"}, "dtype": "float32"}"#,
    ]
    let words = [
      "\"head_dim\": ", "\"rope_parameters\": ", "\"rope_type\": ", "\"num_hidden_layers\": ",
      "\"eos_token_id\": ", "\"llama3\"", "\"yarn\"", "\"layer_types\": ",
      "\"quantization_config\": ",
      "\"num_labels\": ", "\"LlamaForTokenClassification\"", "\"qwen3\"", "\u{1E}", ",",
    ]
    Fuzzing.expectSound(
      FuzzTarget(name: "config", corpus: corpus.map { Array($0.utf8) }, words: words) { bytes in
        let parts = bytes.split(separator: 0x1E, maxSplits: 1, omittingEmptySubsequences: false)
        let read = try ModelConfiguration(
          json: Array(parts[0]), generation: parts.count > 1 ? Array(parts[1]) : nil)
        guard read.parameterCount > 0, read.parameters.allSatisfy({ $0.count > 0 }) else {
          throw BrokenPromise(what: "a tensor without elements")
        }
        let again = try ModelConfiguration(
          json: Array(read.configurationJSON().utf8), generation: Array(read.generationJSON.utf8))
        guard again == read else { throw BrokenPromise(what: "another configuration") }
      })
  }

  /// adapter_config.json beside the tensors of an adapter of a small model.
  @Test func adapters() throws {
    let folder = NSTemporaryDirectory() + "/temper-fuzz-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = ModelConfiguration(
      vocabularySize: 8, hiddenSize: 4, intermediateSize: 6, layerCount: 1, headCount: 1,
      keyValueHeadCount: 1, headDimension: 4, maximumPositions: 8, stopIDs: [])
    let settings = AdapterSettings(rank: 2, alpha: 4, targets: [.queries, .down])
    let base = Adapter.Base(name: "base", digest: [UInt8](repeating: 5, count: 32))
    try Adapter.initial(settings, of: model, base: base, seed: 1).write(of: model, to: folder)
    let config = try Data(contentsOf: URL(fileURLWithPath: folder + "/adapter_config.json"))
    let stored = InputFile(folder + "/adapter_config.json")
    let words = [
      "\"r\": ", "\"lora_alpha\": ", "\"target_modules\": ", "\"all-linear\"",
      "\"rank_pattern\": {}",
      "\"use_dora\": true", "\"init_lora_weights\": \"pissa\"", "1e300", "65536", "null", ",",
    ]
    Fuzzing.expectSound(
      FuzzTarget(name: "adapter", corpus: [Array(config)], words: words) { bytes in
        stored.write(bytes)
        let adapter = try StoredAdapter(opening: folder).adapter(of: model)
        guard adapter.values.count == adapter.settings.count(of: model),
          adapter.settings.scale > 0, adapter.base.digest?.count ?? 32 == 32
        else { throw BrokenPromise(what: "an adapter that cannot be") }
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
    Fuzzing.expectSound(
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
    Fuzzing.expectSound(
      FuzzTarget(name: "template", corpus: corpus.map { Array($0.utf8) }, words: words) { bytes in
        let source = String(decoding: bytes, as: UTF8.self)
        let template = try ChatTemplate(source, specialTokens: ["bos_token": "<s>"])
        let text = try template.render(messages, addGenerationPrompt: true, date: date)
        let again = try template.render(messages, addGenerationPrompt: true, date: date)
        guard text.utf8.elementsEqual(again.utf8) else { throw BrokenPromise(what: "another text") }
      })
  }
}

import Records

/// Makes the tokenizer.json of a small vocabulary: one token for each character, no merges.
public enum CharacterTokenizer {
  /// A byte-level BPE tokenizer.json without merges, as Hugging Face's `tokenizers` reads it.
  ///
  /// Ids: `characters` in their order from 0 on, then `specials`. A text's other bytes are dropped
  /// in encoding, here as there, since the file names no `unk_token`.
  /// - Parameters:
  ///   - characters: each of one byte of UTF-8 (ASCII), none twice.
  ///   - specials: contents of special tokens, such as `<|endoftext|>`; not empty, none twice.
  public static func json(characters: [Character], specials: [String]) -> String {
    let bytes = characters.map { character in
      let utf8 = Array(character.utf8)
      precondition(utf8.count == 1, "CharacterTokenizer: a character of \(utf8.count) bytes")
      return utf8[0]
    }
    precondition(Set(bytes).count == bytes.count, "CharacterTokenizer: a character twice")
    precondition(
      Set(specials).count == specials.count && !specials.contains(""),
      "CharacterTokenizer: a special token twice or empty")
    let vocabulary = bytes.enumerated().map { id, byte in
      "      \(JSONValue.quoted(ByteAlphabet.spelling(of: [byte]))): \(id)"
    }
    let added = specials.enumerated().map { index, content in
      """
          {
            "id": \(bytes.count + index),
            "content": \(JSONValue.quoted(content)),
            "single_word": false,
            "lstrip": false,
            "rstrip": false,
            "normalized": false,
            "special": true
          }
      """
    }
    return """
      {
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": \(list(added)),
        "normalizer": null,
        "pre_tokenizer": \(byteLevel),
        "post_processor": null,
        "decoder": \(byteLevel),
        "model": {
          "type": "BPE",
          "dropout": null,
          "unk_token": null,
          "continuing_subword_prefix": null,
          "end_of_word_suffix": null,
          "fuse_unk": false,
          "byte_fallback": false,
          "ignore_merges": false,
          "vocab": {
      \(vocabulary.joined(separator: ",\n"))
          },
          "merges": []
        }
      }

      """
  }

  /// No expression: without merges a cut into words changes nothing.
  private static let byteLevel =
    #"{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}"#

  private static func list(_ entries: [String]) -> String {
    entries.isEmpty ? "[]" : "[\n" + entries.joined(separator: ",\n") + "\n  ]"
  }

  /// The tokenizer_config.json that lets `AutoTokenizer` of transformers load the same directory.
  /// - Parameters:
  ///   - endOfText: one of the special tokens; ends a text and pads.
  ///   - chatTemplate: Jinja source, or nil for none.
  public static func configurationJSON(endOfText: String, chatTemplate: String? = nil) -> String {
    var lines = [
      #""tokenizer_class": "PreTrainedTokenizerFast""#,
      #""eos_token": \#(JSONValue.quoted(endOfText))"#,
      #""pad_token": \#(JSONValue.quoted(endOfText))"#,
      #""clean_up_tokenization_spaces": false"#,
    ]
    if let chatTemplate { lines.append(#""chat_template": \#(JSONValue.quoted(chatTemplate))"#) }
    return "{\n  " + lines.joined(separator: ",\n  ") + "\n}\n"
  }
}

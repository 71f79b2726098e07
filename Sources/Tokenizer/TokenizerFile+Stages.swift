import Records

/// The parts around the model: normalizer, pre-tokenizer, post-processor, decoder.
extension TokenizerFile {
  /// Whether text is normalized to NFC; no other normalizer is done here.
  func composes() throws(TokenizerError) -> Bool {
    guard let normalizer = json.present("normalizer") else { return false }
    let parts = normalizer["normalizers"]?.array ?? [normalizer]
    for part in parts where part["type"]?.string != "NFC" {
      throw unsupported("normalizer", "\(part["type"]?.string ?? "without a type") is not NFC")
    }
    return !parts.isEmpty
  }

  /// `Split` with a known expression and then `ByteLevel`, or `ByteLevel` alone.
  func preTokenizer() throws(TokenizerError) -> PreTokenizer {
    guard let stage = json.present("pre_tokenizer") else {
      throw unsupported("pre_tokenizer", "is missing; bytes are spelled by ByteLevel")
    }
    var parts = stage["pretokenizers"]?.array ?? [stage]
    guard let byteLevel = parts.popLast(), byteLevel["type"]?.string == "ByteLevel" else {
      throw unsupported("pre_tokenizer", "does not end with ByteLevel")
    }
    if try flag(byteLevel, "add_prefix_space", absent: true) {
      throw unsupported("pre_tokenizer.add_prefix_space", "true is not done here")
    }
    let ownExpression = try flag(byteLevel, "use_regex", absent: true)
    guard let split = parts.first else { return ownExpression ? .gpt2 : .whole }
    guard parts.count == 1, !ownExpression, split["type"]?.string == "Split" else {
      throw unsupported("pre_tokenizer", "is not one Split and a ByteLevel without expression")
    }
    guard split["behavior"]?.string == "Isolated", try !flag(split, "invert", absent: false) else {
      throw unsupported("pre_tokenizer.behavior", "is not Isolated, or is inverted")
    }
    switch split["pattern"]?["Regex"]?.string {
    case PreTokenizer.qwen2Expression: return .contractionsAndDigits(most: 1)
    case PreTokenizer.llama3Expression: return .contractionsAndDigits(most: 3)
    default:
      throw unsupported("pre_tokenizer.pattern", "is not the expression of Qwen2, Llama 3 or GPT-2")
    }
  }

  /// Parts of a post-processor, and pieces of a template: each is looked up by name.
  private static let processorLimit = 16
  private static let pieceLimit = 256

  /// The ids before and after a text, from `TemplateProcessing`; `ByteLevel` adds none.
  func template(count: Int) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
    guard let stage = json.present("post_processor") else { return ([], []) }
    var result: (prefix: [Int32], suffix: [Int32]) = ([], [])
    let parts = stage["processors"]?.array ?? [stage]
    guard parts.count <= Self.processorLimit else {
      throw unsupported("post_processor", "has \(parts.count) parts")
    }
    for part in parts {
      switch part["type"]?.string {
      case "ByteLevel": continue
      case "TemplateProcessing":
        let (prefix, suffix) = try template(part, count: count)
        result = (prefix + result.prefix, result.suffix + suffix)
      default:
        let type = part["type"]?.string ?? "without a type"
        throw unsupported("post_processor", "\(type) is neither ByteLevel nor TemplateProcessing")
      }
    }
    return result
  }

  private func template(
    _ part: JSONValue, count: Int
  ) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
    guard let single = part["single"]?.array else {
      throw malformed("post_processor.single is not a list")
    }
    guard single.count <= Self.pieceLimit else {
      throw unsupported("post_processor.single", "has \(single.count) pieces")
    }
    var before: [Int32] = []
    var after: [Int32] = []
    var textSeen = false
    for piece in single {
      if piece["Sequence"] != nil {
        guard !textSeen else { throw malformed("post_processor.single holds the text twice") }
        textSeen = true
      } else if let name = piece["SpecialToken"]?["id"]?.string {
        guard let entries = part["special_tokens"]?[name]?["ids"]?.array else {
          throw malformed("post_processor.special_tokens lacks a token of its template")
        }
        for entry in entries {
          guard let id = entry.integer, id >= 0, id < count else {
            throw malformed("post_processor.special_tokens has an id without a token")
          }
          if textSeen { after.append(Int32(id)) } else { before.append(Int32(id)) }
        }
      } else {
        throw malformed("post_processor.single holds neither text nor token")
      }
    }
    guard textSeen else { throw malformed("post_processor.single leaves the text out") }
    return (before, after)
  }

  /// Decoding is the inverse of `ByteLevel` and nothing else.
  func checkDecoder() throws(TokenizerError) {
    let type = json.present("decoder")?["type"]?.string
    guard type == "ByteLevel" else {
      throw unsupported("decoder", "\(type ?? "missing") is not ByteLevel")
    }
  }
}

import Files
import Records

/// A byte-level byte-pair tokenizer, read from Hugging Face's `tokenizer.json`.
///
/// Gives the ids that Hugging Face's `tokenizers` gives: added tokens are cut out of the raw text,
/// the pieces between them normalized (NFC or not at all), split into words by the expression of
/// Qwen2, Llama 3 or GPT-2, and each word's bytes joined by the merges. A file that asks for
/// anything else is refused, never approximated. Does not render chat templates.
public final class Tokenizer: Sendable {
  let model: BytePairModel
  let preTokenizer: PreTokenizer
  let composes: Bool
  /// Found in the raw text, and in the normalized text.
  let rawTokens: AddedTokens
  let normalizedTokens: AddedTokens
  /// What the file's template puts before and after a text.
  public let prefix: [Int32]
  public let suffix: [Int32]
  /// Every added token, ascending by id.
  public let addedTokens: [AddedToken]
  /// By id: whether `decode(skipSpecials:)` drops it.
  private let isSpecial: [Bool]

  /// Reads a tokenizer.json.
  /// - Throws: `TokenizerError` if the file is missing, malformed or asks for what is not done here.
  public convenience init(file: String) throws(TokenizerError) {
    let json: [UInt8]
    do {
      json = try RegularFile.read(file, limit: TokenizerFile.byteLimit)
    } catch {
      switch error {
      case .missing: throw .file(file, "cannot be read (there is no such file)")
      case .notRegular(let kind): throw .file(file, "is \(kind)")
      case .outside: throw .file(file, "lies elsewhere")
      case .system(let reason): throw .file(file, "cannot be read (\(reason))")
      case .tooLong(let bytes):
        throw .malformed(file, "has \(bytes) bytes, more than \(TokenizerFile.byteLimit)")
      }
    }
    try self.init(json: json, location: file)
  }

  /// Reads the text of a tokenizer.json; `location` names it in errors.
  public convenience init(
    json: [UInt8], location: String = "tokenizer.json"
  ) throws(TokenizerError) {
    try self.init(TokenizerFile(json: json, location: location))
  }

  init(_ file: TokenizerFile) throws(TokenizerError) {
    addedTokens = try file.addedTokens()
    model = try file.model(addedTokens: addedTokens)
    preTokenizer = try file.preTokenizer()
    composes = try file.composes()
    (prefix, suffix) = try file.template(count: model.count)
    try file.checkDecoder()
    var raw = AddedTokens()
    var normalized = AddedTokens()
    var isSpecial = [Bool](repeating: false, count: model.count)
    for token in addedTokens {
      if token.isNormalized {
        normalized.insert(
          token, content: composes ? CanonicalForm.composed(token.content) : token.content)
      } else {
        raw.insert(token, content: token.content)
      }
      isSpecial[Int(token.id)] = token.isSpecial
    }
    (rawTokens, normalizedTokens, self.isSpecial) = (raw, normalized, isSpecial)
  }

  /// One more than the largest id. Rows of an embedding beyond it have no token.
  public var count: Int { model.count }

  /// The id of a token as tokenizer.json spells it (`Ġthe`, `<|endoftext|>`), or nil.
  public func id(of token: String) -> Int32? { model.id(spelled: Array(token.utf8)) }

  /// Whether `id` has a token; ids can have gaps.
  public func hasToken(_ id: Int32) -> Bool { model.hasToken(id) }

  /// The bytes that `id` adds to a decoded text; none for an id without a token. They need not be
  /// whole characters.
  public func bytes(of id: Int32) -> ArraySlice<UInt8> { model.bytes(of: id) }

  /// The ids of `text`.
  ///
  /// Near-linear in its length. Bytes that the vocabulary lacks are dropped, as Hugging Face does
  /// without an `unk_token`; a vocabulary of all 256 bytes loses nothing.
  /// - Parameters:
  ///   - specials: what the spelling of a special token inside `text` means.
  ///   - template: whether to add what the file's post-processor adds (Llama 3: 128000 in front).
  public func encode(
    _ text: String, specials: SpecialTokens = .recognized, template: Bool = false
  ) -> [Int32] {
    let bytes = Array(text.utf8)
    var ids: [Int32] = template ? prefix : []
    ids.reserveCapacity(bytes.count / 3 + 8)
    var encoder = WordEncoder(tokenizer: self)
    if rawTokens.isEmpty {
      encodePiece(bytes, 0..<bytes.count, specials, &encoder, &ids)
    } else {
      rawTokens.split(bytes, 0..<bytes.count, specials: specials) { piece in
        encodePiece(bytes, piece, specials, &encoder, &ids)
      } token: {
        ids.append($0.id)
      }
    }
    if template { ids += suffix }
    return ids
  }

  /// Normalizes what lies between added tokens, cuts the rest of the added tokens out, and encodes.
  private func encodePiece(
    _ bytes: [UInt8], _ range: Range<Int>, _ specials: SpecialTokens, _ encoder: inout WordEncoder,
    _ ids: inout [Int32]
  ) {
    var bytes = bytes
    var piece = range
    if composes, let composed = CanonicalForm.composed(bytes[piece]) {
      bytes = composed
      piece = 0..<bytes.count
    }
    guard !normalizedTokens.isEmpty else { return encoder.encode(bytes, piece, into: &ids) }
    normalizedTokens.split(bytes, piece, specials: specials.within(range)) { piece in
      encoder.encode(bytes, piece, into: &ids)
    } token: {
      ids.append($0.id)
    }
  }

  /// Byte ranges of `text` in which special tokens are spelled, as `encode` would recognize them.
  public func specialPlaces(in text: String) -> [Range<Int>] {
    let bytes = Array(text.utf8)
    return rawTokens.specialPlaces(in: bytes) + normalizedTokens.specialPlaces(in: bytes)
  }

  /// The text of `ids`. Broken UTF-8 becomes U+FFFD once for each maximal invalid part; ids without
  /// a token are passed over.
  /// - Parameter skipSpecials: leaves special tokens out; added ones that are not special stay.
  public func decode(_ ids: [Int32], skipSpecials: Bool = false) -> String {
    var bytes: [UInt8] = []
    for id in ids where !(skipSpecials && isSpecialToken(id)) {
      bytes.append(contentsOf: model.bytes(of: id))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether the file flags `id` as special.
  public func isSpecialToken(_ id: Int32) -> Bool {
    id >= 0 && Int(id) < isSpecial.count && isSpecial[Int(id)]
  }
}

/// Encodes word by word; holds the scratch memory of one `encode`.
private struct WordEncoder {
  private let model: BytePairModel
  private let preTokenizer: PreTokenizer
  private var merger = BytePairMerger()

  init(tokenizer: Tokenizer) {
    model = tokenizer.model
    preTokenizer = tokenizer.preTokenizer
  }

  mutating func encode(_ bytes: [UInt8], _ piece: Range<Int>, into ids: inout [Int32]) {
    let text = ScalarText(bytes: bytes, end: piece.upperBound)
    var start = piece.lowerBound
    while start < piece.upperBound {
      let end = preTokenizer.wordEnd(in: text, from: start)
      if let id = model.words.id(of: bytes, start..<end) {
        ids.append(id)
      } else {
        merger.merge(bytes, start..<end, model.byteIDs, by: model.merges, into: &ids)
      }
      start = end
    }
  }
}

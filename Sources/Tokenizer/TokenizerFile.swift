import Records

/// A parsed tokenizer.json; each method reads one part and refuses what the part may not say.
struct TokenizerFile {
  let json: JSONValue
  let location: String
  /// Four times what the largest vocabularies take.
  static let byteLimit = 64 << 20
  /// Entries of a vocabulary; the largest that are in use have 2^18.
  private static let vocabularyLimit = 1 << 19
  /// Ids at or above this are refused, since tables are sized by the largest.
  private static let idLimit = 1 << 20
  /// UTF-8 bytes of all added tokens: each byte may become a node of the trie that finds them.
  private static let addedByteLimit = 1 << 18

  init(json bytes: [UInt8], location: String) throws(TokenizerError) {
    self.location = location
    do {
      json = try JSONValue(parsing: bytes, location: location)
    } catch {
      throw .malformed(location, error.problem)
    }
    guard json.object != nil else { throw .malformed(location, "is not a JSON object") }
    for field in ["truncation", "padding"] where json.present(field) != nil {
      throw .unsupported(location, field: field, "is set; lengths are the pipeline's to decide")
    }
  }

  func malformed(_ problem: String) -> TokenizerError { .malformed(location, problem) }

  func unsupported(_ field: String, _ problem: String) -> TokenizerError {
    .unsupported(location, field: field, problem)
  }

  /// A flag that may be absent or null.
  func flag(_ part: JSONValue, _ name: String, absent: Bool) throws(TokenizerError) -> Bool {
    guard let value = part.present(name) else { return absent }
    guard let flag = value.boolean else { throw malformed("\(name) is not a boolean") }
    return flag
  }

  private func id(_ value: JSONValue?, of name: String) throws(TokenizerError) -> Int32 {
    guard let id = value?.integer, id >= 0, id < Self.idLimit else {
      throw malformed("the id of \(name) is not a whole number below \(Self.idLimit)")
    }
    return Int32(id)
  }

  /// `added_tokens`, ascending by id.
  func addedTokens() throws(TokenizerError) -> [AddedToken] {
    guard let entries = json.present("added_tokens") else { return [] }
    guard let entries = entries.array else { throw malformed("added_tokens is not a list") }
    var tokens: [AddedToken] = []
    var length = 0
    for (index, entry) in entries.enumerated() {
      guard let content = entry["content"]?.string, !content.isEmpty else {
        throw malformed("added_tokens[\(index)] has no content")
      }
      length += content.utf8.count
      guard length <= Self.addedByteLimit else {
        throw malformed("added_tokens have more than \(Self.addedByteLimit) bytes of text")
      }
      let special = try flag(entry, "special", absent: false)
      tokens.append(
        AddedToken(
          id: try id(entry["id"], of: "added_tokens[\(index)]"), content: content,
          isSpecial: special,
          isNormalized: try flag(entry, "normalized", absent: !special),
          isSingleWord: try flag(entry, "single_word", absent: false),
          stripsLeft: try flag(entry, "lstrip", absent: false),
          stripsRight: try flag(entry, "rstrip", absent: false)))
    }
    return tokens.sorted { $0.id < $1.id }
  }

  /// The vocabulary with the added tokens, and the merges.
  func model(addedTokens: [AddedToken]) throws(TokenizerError) -> BytePairModel {
    guard let model = json.present("model"), let vocabulary = model["vocab"]?.object else {
      throw malformed("model.vocab is not an object")
    }
    guard vocabulary.count <= Self.vocabularyLimit else {
      throw malformed(
        "model.vocab has \(vocabulary.count) entries, more than \(Self.vocabularyLimit)")
    }
    var ids: [TokenSpelling: Int32] = [:]
    ids.reserveCapacity(vocabulary.count + addedTokens.count)
    var taken = Set<Int32>()
    for member in vocabulary {
      let id = try id(member.value, of: "a vocabulary entry")
      guard taken.insert(id).inserted else {
        throw malformed("id \(id) stands twice in the vocabulary")
      }
      ids[TokenSpelling(utf8: Array(member.name.utf8))] = id
    }
    let merges = try merges(model, ids: ids)
    var additions = Set<Int32>()
    for token in addedTokens {
      let spelling = TokenSpelling(utf8: Array(token.content.utf8))
      if let known = ids[spelling] {
        guard known == token.id else {
          throw malformed("added token \(token.id) stands in the vocabulary as \(known)")
        }
      } else {
        guard taken.insert(token.id).inserted else {
          throw malformed("added token \(token.id) has the id of another token")
        }
        ids[spelling] = token.id
        additions.insert(token.id)
      }
    }
    let result = BytePairModel(
      ids: ids, merges: merges, vocabulary: taken.subtracting(additions),
      ignoresMerges: try ignoresMerges())
    try checkModel(model, isComplete: !result.byteIDs.contains(-1))
    return result
  }

  /// The model's options; each may only have the value that changes nothing.
  private func checkModel(_ model: JSONValue, isComplete: Bool) throws(TokenizerError) {
    if let type = model.present("type"), type.string != "BPE" {
      throw unsupported("model.type", "\(type.string ?? "not a string") is not BPE")
    }
    for field in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
      guard let value = model.present(field), value.string != "" else { continue }
      throw unsupported("model.\(field)", "is set")
    }
    if try flag(model, "byte_fallback", absent: false) {
      throw unsupported("model.byte_fallback", "true; only byte-level vocabularies are read")
    }
    // With all 256 bytes nothing is ever unknown.
    if let unknown = model.present("unk_token"), unknown.string != "", !isComplete {
      throw unsupported("model.unk_token", "is set, and the vocabulary lacks some bytes")
    }
  }

  func ignoresMerges() throws(TokenizerError) -> Bool {
    try flag(json.present("model") ?? .null, "ignore_merges", absent: false)
  }

  /// `merges`, written as `"a b"` or as `["a", "b"]`.
  private func merges(
    _ model: JSONValue, ids: [TokenSpelling: Int32]
  ) throws(TokenizerError) -> MergeTable {
    guard let entries = model["merges"]?.array else {
      throw malformed("model.merges is not a list")
    }
    var table = MergeTable(capacity: entries.count)
    for (index, entry) in entries.enumerated() {
      let left: [UInt8]
      let right: [UInt8]
      if let text = entry.string {
        let parts = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw malformed("merge \(index) is not two tokens") }
        (left, right) = (Array(parts[0]), Array(parts[1]))
      } else if let pair = entry.array, pair.count == 2, let first = pair[0].string,
        let second = pair[1].string
      {
        (left, right) = (Array(first.utf8), Array(second.utf8))
      } else {
        throw malformed("merge \(index) is not two tokens")
      }
      guard let leftID = ids[TokenSpelling(utf8: left)],
        let rightID = ids[TokenSpelling(utf8: right)],
        let product = ids[TokenSpelling(utf8: left + right)]
      else {
        throw malformed("merge \(index) joins or makes a token that is not in the vocabulary")
      }
      table.append(leftID, rightID, product: product)
    }
    return table
  }
}

/// The vocabulary and merges of a byte-level BPE model, with added tokens among the ids.
struct BytePairModel: Sendable {
  /// The token of each single byte, or -1 where the vocabulary lacks it.
  let byteIDs: [Int32]
  let merges: MergeTable
  /// Words that come out as one token, whether by merges or because the file asks for it.
  let words: WordTable
  /// By the UTF-8 of the spelling in tokenizer.json.
  private let ids: [TokenSpelling: Int32]
  /// By id: the bytes it decodes to, one after the other; `starts` has one more entry than ids.
  private let bytes: [UInt8]
  private let starts: [Int]
  private let exists: [Bool]

  /// One more than the largest id.
  var count: Int { exists.count }

  /// - Parameters:
  ///   - ids: each token's id; no id twice.
  ///   - vocabulary: the ids of the model itself, without those of added tokens alone.
  ///   - ignoresMerges: whether a word of the vocabulary is that token, whatever merges make of it.
  init(
    ids: [TokenSpelling: Int32], merges: MergeTable, vocabulary: Set<Int32>, ignoresMerges: Bool
  ) {
    let count = Int(ids.values.max() ?? -1) + 1
    var spellings = [TokenSpelling?](repeating: nil, count: count)
    for (spelling, id) in ids { spellings[Int(id)] = spelling }
    var bytes: [UInt8] = []
    var starts = [0]
    // No two tokens that are spelled in bytes are the same bytes.
    var isSpelledInBytes = [Bool](repeating: false, count: count)
    for (id, spelling) in spellings.enumerated() {
      if let spelling {
        let text = String(decoding: spelling.utf8, as: UTF8.self)
        let spelled = ByteAlphabet.bytes(spelledBy: text)
        isSpelledInBytes[id] = spelled.map { !$0.isEmpty } ?? false
        // Hugging Face's decoder does the same: what is not spelled in bytes stands for itself.
        bytes += spelled ?? spelling.utf8
      }
      starts.append(bytes.count)
    }
    byteIDs = (0..<256).map { byte in
      ids[TokenSpelling(utf8: Array(ByteAlphabet.spelling(of: [UInt8(byte)]).utf8))] ?? -1
    }
    (self.ids, self.merges, self.bytes, self.starts) = (ids, merges, bytes, starts)
    exists = spellings.map { $0 != nil }
    var words = WordTable(bytes: bytes, starts: starts, capacity: vocabulary.count)
    var merger = BytePairMerger()
    var made: [Int32] = []
    for id in vocabulary.sorted() where isSpelledInBytes[Int(id)] {
      let word = starts[Int(id)]..<starts[Int(id) + 1]
      if !ignoresMerges {
        // Longer words are left to their merges: a hostile file would have megabytes of them.
        guard word.count <= Self.longestTried else { continue }
        made.removeAll(keepingCapacity: true)
        merger.merge(bytes, word, byteIDs, by: merges, into: &made)
        guard made == [id] else { continue }
      }
      words.insert(id)
    }
    self.words = words
  }

  /// Bytes of a word whose merges are tried when the file is read.
  private static let longestTried = 32

  func hasToken(_ id: Int32) -> Bool { id >= 0 && Int(id) < exists.count && exists[Int(id)] }

  func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, Int(id) < count else { return [] }
    return bytes[starts[Int(id)]..<starts[Int(id) + 1]]
  }

  func id(spelled utf8: [UInt8]) -> Int32? { ids[TokenSpelling(utf8: utf8)] }
}

/// A token's spelling as a key: compared by UTF-8 bytes, since `String` equates normal forms.
struct TokenSpelling: Hashable, Sendable {
  let utf8: [UInt8]

  /// Eight bytes at a time; the count keeps a zero byte apart from padding.
  func hash(into hasher: inout Hasher) {
    hasher.combine(utf8.count)
    var block: UInt64 = 0
    for (index, byte) in utf8.enumerated() {
      block = block << 8 | UInt64(byte)
      if index & 7 == 7 {
        hasher.combine(block)
        block = 0
      }
    }
    hasher.combine(block)
  }
}

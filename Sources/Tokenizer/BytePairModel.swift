/// The vocabulary and merges of a byte-level BPE model, with added tokens among the ids.
struct BytePairModel: Sendable {
  /// The token of each single byte, or -1 where the vocabulary lacks it.
  let byteIDs: [Int32]
  let merges: MergeTable
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
  ///   - contents: the content of added tokens by id, which need not be spelled in bytes.
  init(ids: [TokenSpelling: Int32], merges: MergeTable) {
    let count = Int(ids.values.max() ?? -1) + 1
    var spellings = [TokenSpelling?](repeating: nil, count: count)
    for (spelling, id) in ids { spellings[Int(id)] = spelling }
    var bytes: [UInt8] = []
    var starts = [0]
    for spelling in spellings {
      if let spelling {
        let text = String(decoding: spelling.utf8, as: UTF8.self)
        // Hugging Face's decoder does the same: what is not spelled in bytes stands for itself.
        bytes += ByteAlphabet.bytes(spelledBy: text) ?? spelling.utf8
      }
      starts.append(bytes.count)
    }
    byteIDs = (0..<256).map { byte in
      ids[TokenSpelling(utf8: Array(ByteAlphabet.spelling(of: [UInt8(byte)]).utf8))] ?? -1
    }
    (self.ids, self.merges, self.bytes, self.starts) = (ids, merges, bytes, starts)
    exists = spellings.map { $0 != nil }
  }

  func hasToken(_ id: Int32) -> Bool { id >= 0 && Int(id) < exists.count && exists[Int(id)] }

  func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, Int(id) < count else { return [] }
    return bytes[starts[Int(id)]..<starts[Int(id) + 1]]
  }

  func id(spelled utf8: [UInt8]) -> Int32? { ids[TokenSpelling(utf8: utf8)] }

  /// The token that is exactly these bytes.
  func id(of word: ArraySlice<UInt8>) -> Int32? {
    var utf8: [UInt8] = []
    utf8.reserveCapacity(2 * word.count)
    for byte in word { utf8 += UTF8.encode(ByteAlphabet.scalars[Int(byte)])! }
    return id(spelled: utf8)
  }
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

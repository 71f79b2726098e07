/// Joins the tokens of one word by the merges, lowest rank first, leftmost first among equals.
///
/// A short word is looked through for its next merge again and again, which is fastest; a long one has
/// a heap of candidate merges and a linked list of tokens: n log n for a word of n bytes, so that a
/// megabyte without a space takes no longer per byte than prose. Both do what Hugging Face's
/// `Word::merge_all` does (tokenizers, `bpe/word.rs`). Holds only scratch memory; one per call of
/// `encode`.
struct BytePairMerger {
  private struct Symbol {
    var id: Int32
    /// -1 before the first, `symbols.count` after the last.
    var previous: Int32
    var next: Int32
    /// Merged into its left neighbour.
    var isGone = false
  }

  private var word: [Int32] = []
  /// Of a short word: the rank of each token with the next one, or `none`.
  private var ranks: [MergeTable.Rank] = []
  private static let none = MergeTable.Rank.max
  /// Tokens of a word that is looked through.
  private static let short = 24

  private var symbols: [Symbol] = []
  /// A binary heap, least first: rank in the upper half, position in the lower.
  private var heap: [UInt64] = []

  /// Appends the final tokens of the word `bytes[range]` to `ids`.
  ///
  /// - Parameter byteIDs: the token of each byte; one that is -1 is dropped.
  mutating func merge(
    _ bytes: [UInt8], _ range: Range<Int>, _ byteIDs: [Int32], by table: MergeTable,
    into ids: inout [Int32]
  ) {
    word.removeAll(keepingCapacity: true)
    for index in range {
      let id = byteIDs[Int(bytes[index])]
      if id >= 0 { word.append(id) }
    }
    if word.count > Self.short {
      mergeLong(by: table, into: &ids)
    } else {
      mergeShort(by: table)
      ids.append(contentsOf: word)
    }
  }

  private mutating func mergeShort(by table: MergeTable) {
    guard word.count > 1 else { return }
    ranks.removeAll(keepingCapacity: true)
    for place in 0..<word.count - 1 {
      ranks.append(table.rank(word[place], word[place + 1]) ?? Self.none)
    }
    while true {
      var least = Self.none
      var place = 0
      for index in ranks.indices where ranks[index] < least {
        least = ranks[index]
        place = index
      }
      guard least != Self.none else { return }
      word[place] = table.products[Int(least)]
      word.remove(at: place + 1)
      ranks.remove(at: place)
      if place < ranks.count {
        ranks[place] = table.rank(word[place], word[place + 1]) ?? Self.none
      }
      if place > 0 {
        ranks[place - 1] = table.rank(word[place - 1], word[place]) ?? Self.none
      }
    }
  }

  private mutating func mergeLong(by table: MergeTable, into ids: inout [Int32]) {
    symbols.removeAll(keepingCapacity: true)
    heap.removeAll(keepingCapacity: true)
    for id in word {
      let place = Int32(symbols.count)
      symbols.append(Symbol(id: id, previous: place - 1, next: place + 1))
    }
    for left in 0..<symbols.count - 1 { offer(left, symbols[left + 1].id, table) }
    while let (rank, left) = pop() { join(left, table.products[Int(rank)], table) }
    var place = 0
    while place < symbols.count {
      ids.append(symbols[place].id)
      place = Int(symbols[place].next)
    }
  }

  /// Makes `product` of the token at `left` and the one after it, unless the candidate is stale.
  private mutating func join(_ left: Int, _ product: Int32, _ table: MergeTable) {
    let right = Int(symbols[left].next)
    guard !symbols[left].isGone, right < symbols.count,
      let rank = table.rank(symbols[left].id, symbols[right].id),
      table.products[Int(rank)] == product
    else { return }
    let next = symbols[right].next
    symbols[left].id = product
    symbols[left].next = next
    symbols[right].isGone = true
    if next < symbols.count {
      symbols[Int(next)].previous = Int32(left)
      offer(left, symbols[Int(next)].id, table)
    }
    let previous = Int(symbols[left].previous)
    if previous >= 0 { offer(previous, product, table) }
  }

  /// Puts the pair of the token at `left` and `rightID` on the heap if the two join.
  private mutating func offer(_ left: Int, _ rightID: Int32, _ table: MergeTable) {
    guard let rank = table.rank(symbols[left].id, rightID) else { return }
    var hole = heap.count
    let entry = UInt64(rank) << 32 | UInt64(left)
    heap.append(entry)
    while hole > 0 {
      let parent = (hole - 1) / 2
      guard heap[parent] > entry else { break }
      heap[hole] = heap[parent]
      hole = parent
    }
    heap[hole] = entry
  }

  /// Takes the least entry off the heap.
  private mutating func pop() -> (rank: MergeTable.Rank, left: Int)? {
    guard let least = heap.first, let entry = heap.popLast() else { return nil }
    if !heap.isEmpty {
      var hole = 0
      while true {
        var child = 2 * hole + 1
        guard child < heap.count else { break }
        if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
        guard heap[child] < entry else { break }
        heap[hole] = heap[child]
        hole = child
      }
      heap[hole] = entry
    }
    return (MergeTable.Rank(least >> 32), Int(least & 0xFFFF_FFFF))
  }
}

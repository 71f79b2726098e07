/// A tree of an LMDB file as a meta page, or the tree of trees, describes it (`MDB_db`, 48 bytes).
struct TreeHead: Equatable {
  static let length = 48
  /// `MDB_INTEGERKEY`: keys are numbers in the machine's byte order. Only the list of free pages.
  static let integerKeys: UInt16 = 0x08
  /// `P_INVALID`: no page.
  static let none = UInt64.max

  let flags: UInt16
  /// Levels from the root to the leaves; 0 when empty.
  let depth: Int
  let branchPages: UInt64
  let leafPages: UInt64
  let overflowPages: UInt64
  let entries: UInt64
  let root: UInt64

  /// From the 48 bytes at `offset`, which the caller has found to be there.
  init(_ bytes: [UInt8], at offset: Int) {
    flags = littleEndian(bytes, at: offset + 4)
    depth = Int(littleEndian(bytes, at: offset + 6) as UInt16)
    branchPages = littleEndian(bytes, at: offset + 8)
    leafPages = littleEndian(bytes, at: offset + 16)
    overflowPages = littleEndian(bytes, at: offset + 24)
    entries = littleEndian(bytes, at: offset + 32)
    root = littleEndian(bytes, at: offset + 40)
  }
}

/// A branch or leaf page whose header and nodes lie inside it.
///
/// LMDB follows every offset and length that a page names. This reads the same fields (`MDB_page`
/// and `MDB_node` of `mdb.c`, 0.9) and refuses those that lead outside.
struct TreePage {
  enum Kind { case branch, leaf }

  /// One entry of a page.
  struct Node {
    let key: Range<Int>
    let content: Content
  }

  enum Content: Equatable {
    /// The page of a branch's child.
    case child(UInt64)
    /// A value inside the leaf; `isTree`: the 48 bytes of a named database.
    case inline(Range<Int>, isTree: Bool)
    /// A value of `length` bytes with pages of its own, from `page` on.
    case overflow(page: UInt64, length: Int)
  }

  static let headerLength = 16
  /// `CURSOR_STACK`: deeper trees are beyond LMDB itself.
  static let deepest = 32
  private static let nodeHeader = 8
  /// `MDB_MAXKEYSIZE`.
  private static let longestKey = 511
  private static let branchFlag: UInt16 = 0x01
  private static let leafFlag: UInt16 = 0x02
  private static let bigData: UInt16 = 0x01
  private static let subData: UInt16 = 0x02

  let number: UInt64
  let kind: Kind
  let bytes: [UInt8]
  let nodes: [Node]

  /// Why bytes are no page of a tree; the caller knows where they stand.
  struct Fault: Error { let problem: String }

  /// - Parameter number: of the page; nil takes the one that it names itself.
  init(_ bytes: [UInt8], number: UInt64?) throws(Fault) {
    let own: UInt64 = littleEndian(bytes, at: 0)
    if let number, own != number { throw Fault(problem: "it names itself page \(own)") }
    self.number = own
    let flags: UInt16 = littleEndian(bytes, at: 10)
    switch flags {
    case Self.branchFlag: kind = .branch
    case Self.leafFlag: kind = .leaf
    default: throw Fault(problem: "its flags \(flags) are those of no branch or leaf")
    }
    let lower = Int(littleEndian(bytes, at: 12) as UInt16)
    let upper = Int(littleEndian(bytes, at: 14) as UInt16)
    guard lower >= Self.headerLength, lower % 2 == 0, lower <= upper, upper <= bytes.count else {
      throw Fault(problem: "its free space is from byte \(lower) to \(upper)")
    }
    var nodes: [Node] = []
    nodes.reserveCapacity((lower - Self.headerLength) / 2)
    var filled = 0
    for pointer in stride(from: Self.headerLength, to: lower, by: 2) {
      let start = Int(littleEndian(bytes, at: pointer) as UInt16)
      guard start >= upper, start % 2 == 0, start + Self.nodeHeader <= bytes.count else {
        throw Fault(problem: "entry \(nodes.count) starts at byte \(start)")
      }
      let (node, end) = try Self.node(bytes, at: start, kind, index: nodes.count)
      filled += (end - start + 1) / 2 * 2
      nodes.append(node)
    }
    // LMDB moves entries together when it deletes, by these very lengths.
    guard filled == bytes.count - upper else {
      throw Fault(problem: "its entries fill \(filled) of \(bytes.count - upper) bytes")
    }
    self.bytes = bytes
    self.nodes = nodes
  }

  private static func node(
    _ bytes: [UInt8], at start: Int, _ kind: Kind, index: Int
  ) throws(Fault) -> (Node, end: Int) {
    let low = UInt64(littleEndian(bytes, at: start) as UInt32)
    let flags: UInt16 = littleEndian(bytes, at: start + 4)
    let keyLength = Int(littleEndian(bytes, at: start + 6) as UInt16)
    let keyStart = start + nodeHeader
    let keyEnd = keyStart + keyLength
    let shortest = kind == .branch && index == 0 ? 0 : 1
    guard (shortest...longestKey).contains(keyLength), keyEnd <= bytes.count else {
      throw Fault(problem: "entry \(index) has a key of \(keyLength) bytes")
    }
    if kind == .branch {
      // A page number of 48 bits: the third part stands where a leaf's entry has its flags.
      let child = low | UInt64(flags) << 32
      return (Node(key: keyStart..<keyEnd, content: .child(child)), keyEnd)
    }
    let length = Int(low)
    switch flags {
    case 0, subData:
      let end = keyEnd + length
      guard end <= bytes.count else {
        throw Fault(problem: "entry \(index) has \(length) bytes, over the page's end")
      }
      let isTree = flags == subData
      guard !isTree || length == TreeHead.length else {
        throw Fault(problem: "entry \(index) is a database of \(length) bytes")
      }
      return (Node(key: keyStart..<keyEnd, content: .inline(keyEnd..<end, isTree: isTree)), end)
    case bigData:
      let end = keyEnd + 8
      guard end <= bytes.count else {
        throw Fault(problem: "entry \(index) lies over the page's end")
      }
      let page: UInt64 = littleEndian(bytes, at: keyEnd)
      return (Node(key: keyStart..<keyEnd, content: .overflow(page: page, length: length)), end)
    default: throw Fault(problem: "entry \(index) has the flags \(flags)")
    }
  }

  func key(_ index: Int) -> ArraySlice<UInt8> { bytes[nodes[index].key] }
}

extension TreePage {
  /// What the keys below the child `index` of a branch lie between.
  ///
  /// - Parameters:
  ///   - from: the least key that may stand below the branch itself.
  ///   - end: the first one above it that may not.
  func bounds(
    ofChild index: Int, from: ArraySlice<UInt8>?, end: ArraySlice<UInt8>?
  ) -> (from: ArraySlice<UInt8>?, end: ArraySlice<UInt8>?) {
    (index == 0 ? from : key(index), index + 1 < nodes.count ? key(index + 1) : end)
  }

  /// Ascending keys between the separators above; a branch's first key is never looked at.
  ///
  /// - Parameter isFreeList: keys are numbers, lowest byte first.
  func requireOrder(
    from: ArraySlice<UInt8>?, end: ArraySlice<UInt8>?, isFreeList: Bool = false, _ name: String,
    at path: String
  ) throws(QueueError) {
    func precedes(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
      guard isFreeList else { return left.lexicographicallyPrecedes(right) }
      return left.reversed().lexicographicallyPrecedes(right.reversed())
    }
    let first = kind == .leaf ? 0 : 1
    for index in nodes.indices.dropFirst(first) {
      let key = key(index)
      let isSound =
        (!isFreeList || key.count == 8)
        && (index == first || precedes(self.key(index - 1), key))
        && from.map { !precedes(key, $0) } ?? true
        && end.map { precedes(key, $0) } ?? true
      guard isSound else {
        throw .damaged(path, "\(name), page \(number): the key of entry \(index) is out of order")
      }
    }
  }

  /// The first entry whose key is not below `key`; the count where all are. Keys are in order.
  func firstIndex(notBelow key: ArraySlice<UInt8>) -> Int {
    firstIndex { !$0.lexicographicallyPrecedes(key) }
  }

  /// The first entry whose key is above `key`; a branch's first key counts as below all.
  func firstIndex(above key: ArraySlice<UInt8>) -> Int {
    firstIndex { key.lexicographicallyPrecedes($0) }
  }

  private func firstIndex(where holds: (ArraySlice<UInt8>) -> Bool) -> Int {
    var (low, high) = (kind == .leaf ? 0 : 1, nodes.count)
    while low < high {
      let middle = (low + high) / 2
      if holds(key(middle)) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

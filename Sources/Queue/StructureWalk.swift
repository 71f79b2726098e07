/// Judges the structure of an LMDB file before LMDB follows it.
///
/// LMDB has no page checksums and trusts what it reads: a damaged page number, offset or length
/// makes it abort or read outside the map. So every process that lets LMDB read walks the trees of the
/// snapshot that it opens, once, by itself (for `JudgedSnapshot` LMDB reads nothing): page numbers, kinds, offsets and lengths of every entry, key order
/// and the separators above it, depths, counts, and that no page belongs to two owners. What
/// passes cannot lead LMDB outside its file. A value's content is not looked at: records and small
/// tables have checksums of their own.
///
/// Chosen over a child process for first contact (it would cost a start of this program for every
/// opening, and says only that LMDB died) and over checksums written at a clean close (a killed
/// process writes none). Cost: one `pread` a branch or leaf page and 16 bytes a large value. Not
/// covered: a page that changes on the disk after the walk.
struct StructureWalk {
  private let reader: PageReader
  private var owned: [Bool]
  private(set) var figures = StructureFigures()

  private init(_ reader: PageReader) {
    self.reader = reader
    owned = Array(repeating: false, count: Int(reader.pages))
    figures.pages = reader.pages
  }

  /// Walks the snapshot of commit `transaction`.
  ///
  /// - Returns: nil when the file does not hold that snapshot any more: later commits have written
  ///   over its meta page. The caller holds a read transaction, so its other pages stand.
  static func check(
    _ path: String, transaction: UInt64
  ) throws(QueueError) -> StructureFigures? {
    guard let meta = try DataFile.meta(of: transaction, at: path) else { return nil }
    var walk = StructureWalk(
      try PageReader(path, pageSize: meta.pageSize, pages: meta.lastPage + 1))
    try walk.freeList(meta.free, transaction: transaction)
    var named: [(name: String, tree: TreeHead)] = []
    try walk.tree(meta.main, name: "the table of databases") { (page) throws(QueueError) in
      for node in page.nodes {
        guard case .inline(let range, isTree: true) = node.content,
          let name = String(validating: page.bytes[node.key], as: UTF8.self)
        else { throw .damaged(path, "page \(page.number): an entry is no database") }
        named.append((name, TreeHead(page.bytes, at: range.lowerBound)))
      }
    }
    for (name, tree) in named {
      try walk.tree(tree, name: name) { (page) throws(QueueError) in
        for node in page.nodes {
          if case .inline(_, isTree: true) = node.content {
            throw .damaged(path, "page \(page.number): \(name) holds a database")
          }
        }
      }
    }
    return walk.figures
  }

  // MARK: Trees

  /// A subtree that is still to be visited.
  private struct Visit {
    var page: UInt64
    var level: Int
    /// Keys below it are at or above `from` and under `end`.
    var from: ArraySlice<UInt8>?
    var end: ArraySlice<UInt8>?
  }

  private mutating func tree(
    _ head: TreeHead, name: String, isFreeList: Bool = false,
    _ leaf: (TreePage) throws(QueueError) -> Void
  ) throws(QueueError) {
    let before = figures
    var branches: UInt64 = 0
    guard head.flags == (isFreeList ? TreeHead.integerKeys : 0), head.depth <= TreePage.deepest,
      (head.root == TreeHead.none) == (head.depth == 0)
    else { throw damaged("\(name): flags \(head.flags), \(head.depth) levels") }
    var pending: [Visit] = []
    if head.depth > 0 { pending.append(Visit(page: head.root, level: 1)) }
    while let visit = pending.popLast() {
      let page = try reader.tree(visit.page)
      try own(visit.page, 1, name)
      try page.requireOrder(
        from: visit.from, end: visit.end, isFreeList: isFreeList, name, at: reader.path)
      figures.walked += 1
      let isLeaf = visit.level == head.depth
      // LMDB asserts two children below any branch but one of the free list.
      guard (page.kind == .leaf) == isLeaf, page.nodes.count >= (isLeaf || isFreeList ? 1 : 2)
      else {
        throw damaged(
          "\(name), page \(page.number): a \(page.kind) with \(page.nodes.count) entries "
            + "on level \(visit.level) of \(head.depth)")
      }
      if isLeaf {
        figures.entries += UInt64(page.nodes.count)
        try overflow(page, name)
        try leaf(page)
      } else {
        branches += 1
        pending += children(of: page, visit)
      }
    }
    let leaves = figures.walked - before.walked - branches
    let counted = [
      branches, leaves, figures.overflowPages - before.overflowPages,
      figures.entries - before.entries,
    ]
    let claimed = [head.branchPages, head.leafPages, head.overflowPages, head.entries]
    guard counted == claimed else {
      throw damaged(
        "\(name): branch, leaf and overflow pages and entries are \(counted), its head "
          + "says \(claimed)")
    }
  }

  private func children(of page: TreePage, _ visit: Visit) -> [Visit] {
    // Last first: the stack then gives them in key order.
    page.nodes.indices.reversed().map { index in
      guard case .child(let child) = page.nodes[index].content else {
        preconditionFailure("a branch's entry is a child")
      }
      let (from, end) = page.bounds(ofChild: index, from: visit.from, end: visit.end)
      return Visit(page: child, level: visit.level + 1, from: from, end: end)
    }
  }

  private mutating func overflow(_ page: TreePage, _ name: String) throws(QueueError) {
    for node in page.nodes {
      guard case .overflow(let first, let length) = node.content else { continue }
      let count = try reader.overflowPages(first, length: length)
      try own(first, count, name)
      figures.overflowPages += count
    }
  }

  // MARK: Free pages

  /// Lists of page numbers under the commit that freed them: a count, then the numbers, highest
  /// first (`MDB_IDL`). LMDB reserves room for more than it then needs.
  private mutating func freeList(
    _ head: TreeHead, transaction: UInt64
  ) throws(QueueError) {
    var lists: [(page: UInt64, bytes: [UInt8])] = []
    let (reader, path) = (reader, reader.path)
    try tree(head, name: "the list of free pages", isFreeList: true) {
      (page) throws(QueueError) in
      for (index, node) in page.nodes.enumerated() {
        let key: UInt64 = littleEndian(Array(page.key(index)), at: 0)
        guard key <= transaction else {
          throw .damaged(path, "page \(page.number): pages freed by the later commit \(key)")
        }
        lists.append((page.number, try reader.value(node, of: page)))
      }
    }
    for (page, bytes) in lists {
      let room = bytes.count / 8 - 1
      let count: UInt64 = room >= 0 ? littleEndian(bytes, at: 0) : .max
      guard room >= 0, count <= UInt64(room) else {
        throw damaged("page \(page): a list of \(count) free pages in \(bytes.count) bytes")
      }
      var last = UInt64.max
      for index in 0..<Int(count) {
        let number: UInt64 = littleEndian(bytes, at: 8 + 8 * index)
        guard number < last else { throw damaged("page \(page): free pages are out of order") }
        try own(number, 1, "the list of free pages")
        last = number
      }
      figures.freePages += count
    }
  }

  private mutating func own(
    _ first: UInt64, _ count: UInt64, _ name: String
  ) throws(QueueError) {
    guard first >= 2, first < reader.pages, count <= reader.pages - first else {
      throw damaged("\(name) names page \(first), where \(reader.pages) are in use")
    }
    for page in Int(first)..<Int(first + count) {
      guard !owned[page] else { throw damaged("\(name): page \(page) has another owner too") }
      owned[page] = true
    }
  }

  private func damaged(_ problem: String) -> QueueError { .damaged(reader.path, problem) }
}

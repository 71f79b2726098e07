import CLMDB

/// A snapshot of the data file that is read past LMDB's map, every page judged as it is read.
///
/// What `StructureWalk` asks of all pages is asked here of those on the way to a key: opening costs
/// the same whatever the file's size, and nothing that the file holds leads outside it. The caller
/// holds a read transaction of LMDB, so that no page of the snapshot is written over.
final class JudgedSnapshot {
  private let reader: PageReader
  /// The trees of the named databases.
  private let trees: [String: TreeHead]
  private let names: [MDB_dbi: String]

  /// - Parameter names: of the databases whose handles will be asked for.
  /// - Returns: nil when later commits have written over the snapshot's meta page.
  init?(_ path: String, transaction: UInt64, names: [MDB_dbi: String]) throws(QueueError) {
    guard let meta = try DataFile.meta(of: transaction, at: path) else { return nil }
    reader = try PageReader(path, pageSize: meta.pageSize, pages: meta.lastPage + 1)
    self.names = names
    var trees: [String: TreeHead] = [:]
    var way = try TreeWay(meta.main, reader, name: "the table of databases", from: [])
    while let (page, index) = try way.next() {
      guard case .inline(let range, isTree: true) = page.nodes[index].content,
        let name = String(validating: page.key(index), as: UTF8.self)
      else { throw .damaged(path, "page \(page.number): an entry is no database") }
      trees[name] = TreeHead(page.bytes, at: range.lowerBound)
    }
    self.trees = trees
  }

  /// The value under `key`, or nil.
  func value(_ database: MDB_dbi, _ key: [UInt8]) throws(QueueError) -> [UInt8]? {
    var way = try way(database, from: key)
    guard let (page, index) = try way.next(), page.key(index).elementsEqual(key) else { return nil }
    return try reader.value(page.nodes[index], of: page)
  }

  func contains(_ database: MDB_dbi, _ key: [UInt8]) throws(QueueError) -> Bool {
    var way = try way(database, from: key)
    guard let (page, index) = try way.next() else { return false }
    return page.key(index).elementsEqual(key)
  }

  /// Visits entries from the first key at or above `start`, in key order, while `visit` says true.
  func scan(
    _ database: MDB_dbi, from start: [UInt8],
    _ visit: (_ key: [UInt8], _ value: UnsafeRawBufferPointer) throws(QueueError) -> Bool
  ) throws(QueueError) {
    var way = try way(database, from: start)
    while let (page, index) = try way.next() {
      let value = try reader.value(page.nodes[index], of: page)
      let key = Array(page.key(index))
      let goesOn = try unsafe value.span.bytes.withUnsafeBytes { (bytes) throws(QueueError) in
        try unsafe visit(key, bytes)
      }
      guard goesOn else { return }
    }
  }

  func tree(_ database: MDB_dbi) throws(QueueError) -> TreeHead {
    guard let name = names[database], let tree = trees[name] else {
      throw .damaged(reader.path, "its table of databases lacks one that it had when it was opened")
    }
    return tree
  }

  private func way(_ database: MDB_dbi, from start: [UInt8]) throws(QueueError) -> TreeWay {
    try TreeWay(try tree(database), reader, name: names[database] ?? "", from: start)
  }
}

/// The entries of a tree in key order, from one key on: a path from the root to a leaf.
private struct TreeWay {
  /// A page on the path, and what its keys must lie between.
  private struct Place {
    var page: TreePage
    var index: Int
    var from: ArraySlice<UInt8>?
    var end: ArraySlice<UInt8>?
  }

  private let reader: PageReader
  private let name: String
  private let depth: Int
  private var path: [Place] = []

  init(
    _ head: TreeHead, _ reader: PageReader, name: String, from start: [UInt8]
  ) throws(QueueError) {
    self.reader = reader
    self.name = name
    depth = head.depth
    guard head.flags == 0, head.depth <= TreePage.deepest,
      (head.root == TreeHead.none) == (head.depth == 0)
    else { throw .damaged(reader.path, "\(name): flags \(head.flags), \(head.depth) levels") }
    guard depth > 0 else { return }
    try descend(to: head.root, from: nil, end: nil) { page in
      // The last child whose separator is not above the key; a branch's first key means nothing.
      page.kind == .leaf
        ? page.firstIndex(notBelow: start[...])
        : max(1, page.firstIndex(above: start[...])) - 1
    }
  }

  /// The entry that the path stands before, which it then passes; nil at the tree's end.
  mutating func next() throws(QueueError) -> (page: TreePage, index: Int)? {
    while let last = path.last {
      if last.index == last.page.nodes.count {
        path.removeLast()
        if !path.isEmpty { path[path.count - 1].index += 1 }
      } else if last.page.kind == .leaf {
        path[path.count - 1].index += 1
        return (last.page, last.index)
      } else {
        try descendFromLast { _ in 0 }
      }
    }
    return nil
  }

  /// Reads pages from `number` down to a leaf; `choose` says where in each.
  private mutating func descend(
    to number: UInt64, from: ArraySlice<UInt8>?, end: ArraySlice<UInt8>?,
    _ choose: (TreePage) -> Int
  ) throws(QueueError) {
    let page = try reader.tree(number)
    try page.requireOrder(from: from, end: end, name, at: reader.path)
    let isLeaf = path.count + 1 == depth
    guard (page.kind == .leaf) == isLeaf, page.nodes.count >= (isLeaf ? 1 : 2) else {
      throw .damaged(
        reader.path,
        "\(name), page \(number): a \(page.kind) with \(page.nodes.count) entries on level "
          + "\(path.count + 1) of \(depth)")
    }
    path.append(Place(page: page, index: choose(page), from: from, end: end))
    if !isLeaf { try descendFromLast(choose) }
  }

  private mutating func descendFromLast(_ choose: (TreePage) -> Int) throws(QueueError) {
    let place = path[path.count - 1]
    guard case .child(let child) = place.page.nodes[place.index].content else {
      preconditionFailure("a branch's entry is a child")
    }
    let (from, end) = place.page.bounds(ofChild: place.index, from: place.from, end: place.end)
    try descend(to: child, from: from, end: end, choose)
  }
}

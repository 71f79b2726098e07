import Files
public import Records

/// A Parquet file, row by row from start to end.
///
/// What the format's writers make of rows of texts is read: columns of truth values, integers, floating-point
/// numbers and texts, nested in structures and lists with nulls at any level; pages of both versions, plain,
/// in runs and by dictionary; none, Snappy, gzip or zstd. Memory is that of one page and one dictionary of
/// each column. Every offset and length is compared with what is there.
///
/// Source: the format's specification (github.com/apache/parquet-format), Thrift definition and encodings.
public final class ParquetFile {
  public let path: String
  public let rows: Int
  /// Bytes of the file.
  public let bytes: Int
  /// Names of the columns that rows are given with, in order.
  public let columns: [String]
  /// Columns that are left out, and why: their type is not read here.
  public let unreadable: [(column: String, type: String)]
  /// The row that `next` gave last, counted from 1.
  public private(set) var number = 0

  private let readers: [ColumnReader]
  private let roots: [SchemaNode]
  private let groups: [ParquetFooter.RowGroup]
  private let rowLimit: Int
  private var group = -1
  /// Rows of the group that were not given out.
  private var left = 0

  private static let magic = Array("PAR1".utf8)

  /// Whether a file that begins so is one of Parquet.
  public static func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

  /// Reads the footer.
  /// - Parameter rowLimit: bytes of a row's JSON; what is longer is passed over.
  public init(_ path: String, rowLimit: Int) throws(ParquetError) {
    self.path = path
    self.rowLimit = rowLimit
    let file: RegularFileReader
    do throws(RegularFileError) {
      file = try RegularFileReader(path)
    } catch {
      throw ParquetError(code: .missing, location: path, problem: error.description)
    }
    do throws(ParquetFlaw) {
      let footer = try ParquetFooter(try Self.footer(of: file))
      let schema = try ParquetSchema(footer.elements)
      guard footer.groups.allSatisfy({ $0.chunks.count == schema.leaves.count }) else {
        throw .damaged("a row group has another number of columns than the schema")
      }
      let memory = PageMemory()
      readers = schema.leaves.map { ColumnReader($0, of: file, memory) }
      (rows, bytes, groups) = (footer.rows, file.size, footer.groups)
      let data = schema.columns.filter { !Self.isIndex($0.name) }
      let obstacle = { (column: SchemaNode) in
        schema.leaves[column.leaves].lazy.compactMap(\.obstacle).first
      }
      roots = data.filter { obstacle($0) == nil }
      unreadable = data.compactMap { column in obstacle(column).map { (column.name, $0) } }
      columns = roots.map(\.name)
      guard !roots.isEmpty else { throw .unsupported("it has no column that is read here") }
    } catch { throw error.at(path) }
  }

  /// What pandas adds: `__index_level_0__`, the rows' numbers or labels in its table.
  private static func isIndex(_ name: String) -> Bool {
    name.hasPrefix("__index_level_") && name.hasSuffix("__")
  }

  private static func footer(of file: RegularFileReader) throws(ParquetFlaw) -> [UInt8] {
    let tail = try read(file, at: file.size - 8, count: 8)
    guard tail[4...].elementsEqual(magic) else {
      throw tail[4...].elementsEqual("PARE".utf8)
        ? .unsupported("it is encrypted") : .damaged("it does not end as Parquet does: it is cut")
    }
    let count = (0..<4).reduce(0) { $0 | Int(tail[$1]) << (8 * $1) }
    guard count <= ParquetFooter.byteLimit else {
      throw .limit("its footer has more than \(ParquetFooter.byteLimit) bytes")
    }
    return try read(file, at: file.size - 8 - count, count: count)
  }

  private static func read(
    _ file: RegularFileReader, at offset: Int, count: Int
  ) throws(ParquetFlaw) -> [UInt8] {
    guard offset >= 4 else { throw .damaged("it is shorter than its footer: it is cut") }
    do throws(RegularFileError) {
      return try file.read(at: offset, count: count)
    } catch { throw .damaged("it cannot be read: \(error.description)") }
  }

  /// Writes the next row as a JSON object into `line`, which is emptied before.
  /// - Returns: false at the end of the file; of a row beyond the limit nothing is written.
  public func next(into line: inout JSONText) throws(ParquetError) -> Bool {
    line.removeAll()
    do throws(ParquetFlaw) {
      while left == 0 {
        guard group + 1 < groups.count else { return false }
        try beginGroup()
      }
      left -= 1
      number += 1
      try write(&line)
      if left == 0 { try endGroup() }
      return true
    } catch { throw error.at(place) }
  }

  private func beginGroup() throws(ParquetFlaw) {
    group += 1
    left = groups[group].rows
    for root in roots {
      for leaf in root.leaves {
        try on(leaf) { (reader) throws(ParquetFlaw) in
          try reader.begin(groups[group].chunks[leaf])
        }
      }
    }
  }

  private func endGroup() throws(ParquetFlaw) {
    for root in roots {
      for leaf in root.leaves {
        try on(leaf) { (reader) throws(ParquetFlaw) in
          guard reader.isAtEnd else { throw .damaged("it goes on behind its row group") }
        }
      }
    }
  }

  // MARK: Rows

  private func write(_ line: inout JSONText) throws(ParquetFlaw) {
    line.open("{")
    for root in roots {
      line.key(root.name)
      try write(root, repetition: 0, floor: 0, &line)
    }
    line.close("}")
    for root in roots {
      for leaf in root.leaves {
        try on(leaf) { (reader) throws(ParquetFlaw) in try reader.passRow() }
      }
    }
    if line.bytes.count > rowLimit { line.removeAll() }
  }

  /// Writes what the next entries of a node's columns stand for.
  private func write(
    _ node: SchemaNode, repetition: Int, floor: Int, _ line: inout JSONText
  ) throws(ParquetFlaw) {
    switch node.kind {
    case .leaf(let leaf):
      try on(leaf) { (reader) throws(ParquetFlaw) in
        try reader.take(into: &line, repetition: repetition, floor: floor)
      }
    case .group(let members):
      guard try definition(of: node) >= node.definition else {
        return try absent(node, repetition, floor..<node.definition, "null", &line)
      }
      line.open("{")
      for member in members {
        line.key(member.name)
        try write(member, repetition: repetition, floor: node.definition, &line)
      }
      line.close("}")
    case .list(let inner, let element):
      let definition = try definition(of: node)
      guard definition >= node.definition else {
        return try absent(node, repetition, floor..<node.definition, "null", &line)
      }
      guard definition >= element else {
        return try absent(node, repetition, node.definition..<element, "[]", &line)
      }
      line.open("[")
      try write(inner, repetition: repetition, floor: element, &line)
      while goesOn(node), line.bytes.count <= rowLimit {
        try write(inner, repetition: node.repetition, floor: element, &line)
      }
      line.close("]")
    }
  }

  private func absent(
    _ node: SchemaNode, _ repetition: Int, _ definitions: Range<Int>, _ word: String,
    _ line: inout JSONText
  ) throws(ParquetFlaw) {
    for leaf in node.leaves {
      try on(leaf) { (reader) throws(ParquetFlaw) in
        try reader.passAbsent(repetition: repetition, definitions: definitions)
      }
    }
    line.literal(word)
  }

  /// The level of a node's first column; the others are compared with it as they are read.
  private func definition(of node: SchemaNode) throws(ParquetFlaw) -> Int {
    let leaf = node.leaves.lowerBound
    guard let entry = readers[leaf].entry else {
      return try on(leaf) { (_) throws(ParquetFlaw) in
        throw .damaged("it ends before its row group")
      }
    }
    return entry.definition
  }

  private func goesOn(_ list: SchemaNode) -> Bool {
    readers[list.leaves.lowerBound].entry.map { $0.repetition == list.repetition } ?? false
  }

  // MARK: Errors

  private var failed: ColumnReader?

  /// Does `body` with a column, which an error then names.
  private func on<Result>(
    _ leaf: Int, _ body: (ColumnReader) throws(ParquetFlaw) -> Result
  ) throws(ParquetFlaw) -> Result {
    do throws(ParquetFlaw) { return try body(readers[leaf]) } catch {
      failed = readers[leaf]
      throw error
    }
  }

  private var place: String {
    let column = failed.map { ", \($0.place)" } ?? ""
    return "\(path): row group \(group)\(column)"
  }
}

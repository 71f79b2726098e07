/// What the end of a file says of the rest (`FileMetaData` of the format's Thrift definition): the schema,
/// and where each row group has the pages of each column.
struct ParquetFooter {
  /// Bytes of a footer at most; ten thousand row groups of twenty columns have half of it.
  static let byteLimit = 32 << 20
  /// Members of the schema, and column chunks of all row groups, at most.
  static let schemaLimit = 10_000
  static let chunkLimit = 1 << 18

  struct Chunk {
    var physical = 0
    var codec = 0
    var values = 0
    /// Of its pages with their headers.
    var bytes = 0
    var dataOffset = 0
    var dictionaryOffset: Int?
    var isElsewhere = false
  }

  struct RowGroup {
    var rows = 0
    var chunks: [Chunk] = []
  }

  private(set) var elements: [SchemaElement] = []
  private(set) var groups: [RowGroup] = []
  private(set) var rows = 0

  init(_ bytes: [UInt8]) throws(ParquetFlaw) {
    var reader = ThriftReader(bytes)
    var (elements, groups): ([SchemaElement], [RowGroup]) = ([], [])
    var (rows, chunks, isEncrypted) = (0, 0, false)
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (2, .list):
        try reader.list(of: .structure, atMost: Self.schemaLimit) {
          (reader) throws(ParquetFlaw) in elements.append(try SchemaElement(from: &reader))
        }
      case (3, .i64): rows = try reader.count(upTo: 1 << 40)
      case (4, .list):
        try reader.list(of: .structure, atMost: Self.chunkLimit) { (reader) throws(ParquetFlaw) in
          let group = try RowGroup(from: &reader)
          chunks += group.chunks.count
          guard chunks <= Self.chunkLimit else {
            throw .limit("it has more than \(Self.chunkLimit) column chunks")
          }
          groups.append(group)
        }
      case (8, _):
        isEncrypted = true
        try reader.skip(type)
      default: try reader.skip(type)
      }
    }
    guard !isEncrypted else { throw .unsupported("it is encrypted") }
    guard groups.reduce(0, { $0 &+ $1.rows }) == rows else {
      throw .damaged("its row groups do not add up to its \(rows) rows")
    }
    (self.elements, self.groups, self.rows) = (elements, groups, rows)
  }
}

extension ParquetFooter.RowGroup {
  init(from reader: inout ThriftReader) throws(ParquetFlaw) {
    var group = ParquetFooter.RowGroup()
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .list):
        try reader.list(of: .structure, atMost: ParquetFooter.schemaLimit) {
          (reader) throws(ParquetFlaw) in
          group.chunks.append(try ParquetFooter.Chunk(from: &reader))
        }
      case (3, .i64): group.rows = try reader.count(upTo: 1 << 40)
      default: try reader.skip(type)
      }
    }
    self = group
  }
}

extension ParquetFooter.Chunk {
  init(from reader: inout ThriftReader) throws(ParquetFlaw) {
    var chunk = ParquetFooter.Chunk()
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .binary):
        chunk.isElsewhere = true
        try reader.skip(type)
      case (3, .structure): try chunk.readMetadata(&reader)
      default: try reader.skip(type)
      }
    }
    self = chunk
  }

  private mutating func readMetadata(_ reader: inout ThriftReader) throws(ParquetFlaw) {
    var chunk = self
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .i32): chunk.physical = try reader.integer()
      case (4, .i32): chunk.codec = try reader.integer()
      case (5, .i64): chunk.values = try reader.count(upTo: 1 << 40)
      case (7, .i64): chunk.bytes = try reader.count(upTo: 1 << 50)
      case (9, .i64): chunk.dataOffset = try reader.count(upTo: 1 << 50)
      case (11, .i64): chunk.dictionaryOffset = try reader.count(upTo: 1 << 50)
      default: try reader.skip(type)
      }
    }
    self = chunk
  }

  /// Where its first page begins.
  var start: Int {
    guard let dictionaryOffset, dictionaryOffset > 0 else { return dataOffset }
    return min(dataOffset, dictionaryOffset)
  }
}

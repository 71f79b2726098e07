/// The header before each page of a column chunk.
struct PageHeader {
  enum Kind {
    case data
    /// Levels lie before the compressed values, of these lengths.
    case dataV2(definitions: Int, repetitions: Int, isCompressed: Bool)
    case dictionary
    /// Of an index, which nobody reads.
    case other
  }

  var kind = Kind.other
  var values = 0
  var encoding = 0
  /// Of the levels in a data page of the first version.
  var levelEncodings: [Int] = []
  /// Bytes, as stored and when decompressed.
  var stored = 0
  var decompressed = 0
  var crc: UInt32?
  /// Bytes of the header itself.
  private(set) var length = 0

  init(_ bytes: [UInt8]) throws(ParquetFlaw) {
    var reader = ThriftReader(bytes)
    var header = self
    var type: Int?
    try reader.structure { (reader, id, field) throws(ParquetFlaw) in
      switch (id, field) {
      case (1, .i32): type = try reader.integer()
      case (2, .i32): header.decompressed = try reader.count()
      case (3, .i32): header.stored = try reader.count()
      case (4, .i32): header.crc = UInt32(truncatingIfNeeded: try reader.integer())
      case (5, .structure) where type == 0:
        header.kind = .data
        try header.readData(&reader)
      case (7, .structure) where type == 2:
        header.kind = .dictionary
        try header.readDictionary(&reader)
      case (8, .structure) where type == 3: try header.readDataV2(&reader)
      default: try reader.skip(field)
      }
    }
    guard type == 1 || !header.isOther else { throw .damaged("its page header lacks its kind") }
    header.length = reader.position
    self = header
  }

  private var isOther: Bool {
    if case .other = kind { true } else { false }
  }

  private mutating func readData(_ reader: inout ThriftReader) throws(ParquetFlaw) {
    var header = self
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .i32): header.values = try reader.count()
      case (2, .i32): header.encoding = try reader.integer()
      case (3, .i32), (4, .i32): header.levelEncodings.append(try reader.integer())
      default: try reader.skip(type)
      }
    }
    self = header
  }

  private mutating func readDictionary(_ reader: inout ThriftReader) throws(ParquetFlaw) {
    var header = self
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .i32): header.values = try reader.count()
      case (2, .i32): header.encoding = try reader.integer()
      default: try reader.skip(type)
      }
    }
    self = header
  }

  private mutating func readDataV2(_ reader: inout ThriftReader) throws(ParquetFlaw) {
    var header = self
    var (definitions, repetitions, isCompressed) = (0, 0, true)
    try reader.structure { (reader, id, type) throws(ParquetFlaw) in
      switch (id, type) {
      case (1, .i32): header.values = try reader.count()
      case (4, .i32): header.encoding = try reader.integer()
      case (5, .i32): definitions = try reader.count()
      case (6, .i32): repetitions = try reader.count()
      case (7, .yes), (7, .no): isCompressed = type == .yes
      default: try reader.skip(type)
      }
    }
    header.kind = .dataV2(
      definitions: definitions, repetitions: repetitions, isCompressed: isCompressed)
    self = header
  }
}

extension PageHeader {
  var isDictionary: Bool {
    if case .dictionary = kind { true } else { false }
  }
}

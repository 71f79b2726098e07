import CZlib
import Files
import Records

/// The values of one column, row group after row group: holds one page and one dictionary at a time.
final class ColumnReader {
  /// Bytes of a page at most, as stored and decompressed: what a column can cost in memory. Pages of
  /// real files have a megabyte; of very long texts a writer puts a thousand into one.
  static let pageLimit = 256 << 20
  private static let headerLimit = 1 << 20
  /// Entries of one row at most: a run of a few bytes can stand for two thousand million.
  private static let rowLimit = 1 << 24

  let leaf: SchemaLeaf
  private let file: RegularFileReader
  private let memory: PageMemory
  /// Bytes of its page and its dictionary.
  private var held = (page: 0, dictionary: 0)
  private var codec = PageCodec.none
  private var dictionary: PageDictionary?
  /// Bytes of the chunk that were not read.
  private var unread = 0..<0
  /// Entries of the chunk behind the current one, and those of them in the page.
  private var left = 0
  private var leftInPage = 0
  private var repetitions: RunLengths?
  private var definitions: RunLengths?
  private var values: PageValues?
  private var page = -1

  /// The levels of the current entry; nil at the end of the row group.
  private(set) var entry: (repetition: Int, definition: Int)?

  init(_ leaf: SchemaLeaf, of file: RegularFileReader, _ memory: PageMemory) {
    self.leaf = leaf
    self.file = file
    self.memory = memory
  }

  /// What an error says of the place.
  var place: String {
    "column \(leaf.path.joined(separator: "."))" + (page >= 0 ? ", page \(page)" : "")
  }

  /// Goes to the first entry of a row group.
  func begin(_ chunk: ParquetFooter.Chunk) throws(ParquetFlaw) {
    page = -1
    guard !chunk.isElsewhere else { throw .unsupported("it lies in another file") }
    guard chunk.physical == leaf.physical.rawValue else {
      throw .damaged("its type is not that of the schema")
    }
    guard chunk.start >= 4, chunk.bytes <= file.size - chunk.start else {
      throw .damaged("it lies outside of the file")
    }
    codec = try PageCodec(number: chunk.codec)
    unread = chunk.start..<chunk.start + chunk.bytes
    (left, leftInPage, dictionary, entry) = (chunk.values, 0, nil, nil)
    try advance()
  }

  /// Whether all entries were used.
  var isAtEnd: Bool { entry == nil }

  /// Writes the current entry, and goes to the next.
  /// - Parameters:
  ///   - repetition: the level that it must have.
  ///   - floor: the least level of definition that it can have where it stands.
  func take(
    into line: inout JSONText, repetition: Int, floor: Int
  ) throws(ParquetFlaw) {
    let definition = try check(repetition: repetition, floor: floor)
    if definition == leaf.definition {
      try nextValue().write(to: &line, isUnsigned: leaf.isUnsigned)
    } else {
      line.literal("null")
    }
    try advance()
  }

  /// Passes over an entry that stands for something that is not there, above the value.
  func passAbsent(repetition: Int, definitions: Range<Int>) throws(ParquetFlaw) {
    let definition = try check(repetition: repetition, floor: definitions.lowerBound)
    guard definition < definitions.upperBound else { throw Self.contradiction }
    try advance()
  }

  /// Passes over the rest of a row.
  func passRow() throws(ParquetFlaw) {
    var passed = 0
    while let entry, entry.repetition > 0 {
      passed += 1
      guard passed < Self.rowLimit else {
        throw .limit("a row has more than \(Self.rowLimit) of its values")
      }
      if entry.definition == leaf.definition { _ = try nextValue() }
      try advance()
    }
  }

  private static let contradiction = ParquetFlaw.damaged(
    "its levels contradict those of the columns beside it")

  private func check(repetition: Int, floor: Int) throws(ParquetFlaw) -> Int {
    guard let entry else { throw .damaged("it ends before its row group") }
    guard entry.repetition == repetition, entry.definition >= floor else {
      throw Self.contradiction
    }
    return entry.definition
  }

  private func nextValue() throws(ParquetFlaw) -> ColumnValue {
    guard let value = try values?.next(dictionary) else {
      preconditionFailure("ColumnReader: an entry without a page")
    }
    return value
  }

  private func advance() throws(ParquetFlaw) {
    guard left > 0 else {
      entry = nil
      return
    }
    while leftInPage == 0 { try readPage() }
    let repetition = try repetitions?.next() ?? 0
    let definition = try definitions?.next() ?? 0
    guard repetition <= leaf.repetition, definition <= leaf.definition else {
      throw .damaged("a level is higher than the schema has")
    }
    entry = (repetition, definition)
    left -= 1
    leftInPage -= 1
  }

  // MARK: Pages

  private func readPage() throws(ParquetFlaw) {
    page += 1
    let header = try readHeader()
    guard header.stored <= unread.count else { throw .damaged("its page is cut") }
    guard max(header.stored, header.decompressed) <= Self.pageLimit else {
      throw .limit("its page has more than \(Self.pageLimit) bytes")
    }
    let bytes = try read(header.stored)
    unread = unread.lowerBound + header.stored..<unread.upperBound
    let before = held
    if header.isDictionary {
      held.dictionary = header.decompressed
    } else {
      held.page = header.decompressed
    }
    try memory.change(by: held.page + held.dictionary - before.page - before.dictionary)
    if let crc = header.crc {
      let found = unsafe bytes.withUnsafeBytes {
        unsafe crc32(0, $0.assumingMemoryBound(to: UInt8.self).baseAddress, UInt32($0.count))
      }
      guard UInt32(found) == crc else { throw .damaged("its page has another checksum") }
    }
    switch header.kind {
    case .other: return
    case .dictionary:
      guard dictionary == nil, page == 0 else { throw .damaged("it has a second dictionary") }
      dictionary = try PageDictionary(
        codec.decompress(bytes[...], count: header.decompressed), count: header.values,
        encoding: header.encoding, physical: leaf.physical)
    case .data: try open(header, bytes)
    case .dataV2(let definitions, let repetitions, let isCompressed):
      try open(header, bytes, definitions, repetitions, isCompressed)
    }
    guard header.isDictionary || header.values <= left else {
      throw .damaged("its pages hold more values than its footer says")
    }
  }

  /// Levels and values in one compressed piece, levels behind their length.
  private func open(_ header: PageHeader, _ stored: [UInt8]) throws(ParquetFlaw) {
    let bytes = try codec.decompress(stored[...], count: header.decompressed)
    guard header.levelEncodings.allSatisfy({ $0 == 3 || leaf.definition == 0 }) else {
      throw .unsupported("the encoding of its levels is BIT_PACKED")
    }
    var position = 0
    repetitions = try Self.levels(bytes, &position, highest: leaf.repetition)
    definitions = try Self.levels(bytes, &position, highest: leaf.definition)
    values = try PageValues(
      bytes, from: position, encoding: header.encoding, physical: leaf.physical)
    leftInPage = header.values
  }

  private static func levels(
    _ bytes: [UInt8], _ position: inout Int, highest: Int
  ) throws(ParquetFlaw) -> RunLengths? {
    guard highest > 0 else { return nil }
    guard bytes.count - position >= 4 else { throw .damaged("its page is cut") }
    let length = (0..<4).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
    let start = position + 4
    guard length <= bytes.count - start else { throw .damaged("its page is cut") }
    position = start + length
    return RunLengths(bytes, start..<position, width: Self.width(highest))
  }

  /// Levels as they stand, and values perhaps compressed.
  private func open(
    _ header: PageHeader, _ bytes: [UInt8], _ definitionBytes: Int, _ repetitionBytes: Int,
    _ isCompressed: Bool
  ) throws(ParquetFlaw) {
    let levels = definitionBytes + repetitionBytes
    guard levels <= bytes.count, levels <= header.decompressed else {
      throw .damaged("its page is cut")
    }
    let count = header.decompressed - levels
    let data = try (isCompressed ? codec : .none).decompress(bytes[levels...], count: count)
    repetitions =
      leaf.repetition == 0
      ? nil : RunLengths(bytes, 0..<repetitionBytes, width: Self.width(leaf.repetition))
    definitions =
      leaf.definition == 0
      ? nil : RunLengths(bytes, repetitionBytes..<levels, width: Self.width(leaf.definition))
    values = try PageValues(data, from: 0, encoding: header.encoding, physical: leaf.physical)
    leftInPage = header.values
  }

  /// Bits of a level.
  private static func width(_ highest: Int) -> Int {
    Int.bitWidth - highest.leadingZeroBitCount
  }

  /// The header at the start of what is unread. Its length is known only when it has been read, and
  /// statistics can make it long.
  private func readHeader() throws(ParquetFlaw) -> PageHeader {
    guard !unread.isEmpty else { throw .damaged("its pages end before its values") }
    var count = min(unread.count, 1 << 12)
    while true {
      do throws(ParquetFlaw) {
        let header = try PageHeader(try read(count))
        unread = unread.lowerBound + header.length..<unread.upperBound
        return header
      } catch {
        guard count < min(unread.count, Self.headerLimit) else { throw error }
        count = min(unread.count, Self.headerLimit)
      }
    }
  }

  private func read(_ count: Int) throws(ParquetFlaw) -> [UInt8] {
    do throws(RegularFileError) {
      return try file.read(at: unread.lowerBound, count: count)
    } catch { throw .damaged("it cannot be read: \(error.description)") }
  }
}

/// Bytes that the pages of all columns of a file may take together.
final class PageMemory {
  static let limit = 1 << 30
  private var held = 0

  func change(by bytes: Int) throws(ParquetFlaw) {
    held += bytes
    guard held <= Self.limit else {
      throw .limit("the pages of its columns have more than \(Self.limit) bytes together")
    }
  }
}

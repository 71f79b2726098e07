import Conditions
import Records

/// The values of one field over the rows of a block, as numbers into the sorted list of those that
/// occur: few values, each compared once however many rows have it.
struct IndexColumn: Sendable, Equatable {
  enum Values: Sendable, Equatable {
    case numbers([Double])
    /// In the order of their UTF-8 bytes.
    case texts([[UInt8]])

    var count: Int {
      switch self {
      case .numbers(let numbers): numbers.count
      case .texts(let texts): texts.count
      }
    }
  }

  let values: Values
  /// For each row 1 + the place of its value; 0 where it has none.
  let codes: [UInt32]

  /// - Parameter rows: nil where there is no value; not NaN.
  init(numbers rows: [Double?]) {
    let distinct = Set(rows.compactMap { $0 }).sorted()
    let places = Dictionary(
      uniqueKeysWithValues: distinct.enumerated().map { ($0.element, UInt32($0.offset + 1)) })
    values = .numbers(distinct)
    codes = rows.map { $0.flatMap { places[$0] } ?? 0 }
  }

  init(texts rows: [String?]) {
    let distinct = Set(rows.compactMap { $0 }).map { ($0, Array($0.utf8)) }
      .sorted { $0.1.lexicographicallyPrecedes($1.1) }
    let places = Dictionary(
      uniqueKeysWithValues: distinct.enumerated().map { ($0.element.0, UInt32($0.offset + 1)) })
    values = .texts(distinct.map(\.1))
    codes = rows.map { $0.flatMap { places[$0] } ?? 0 }
  }

  subscript(row: Int) -> Condition.Value? {
    let code = Int(codes[row])
    guard code > 0 else { return nil }
    return value(code - 1)
  }

  func value(_ place: Int) -> Condition.Value {
    switch values {
    case .numbers(let numbers): .number(numbers[place])
    case .texts(let texts): .text(String(decoding: texts[place], as: UTF8.self))
    }
  }

  /// The values of which something holds.
  func places(where holds: (Condition.Value) -> Bool) -> [Int] {
    (0..<values.count).filter { holds(value($0)) }
  }

  /// The place of a text among sorted ones, without making strings of them.
  func place(of text: String) -> Int? {
    guard case .texts(let texts) = values else { return nil }
    let wanted = Array(text.utf8)
    var (low, high) = (0, texts.count)
    while low < high {
      let middle = (low + high) / 2
      if texts[middle].lexicographicallyPrecedes(wanted) { low = middle + 1 } else { high = middle }
    }
    return low < texts.count && texts[low] == wanted ? low : nil
  }

  // MARK: Bytes

  /// The values, then the codes in as many bytes as the largest takes, low bytes of all rows first.
  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch values {
    case .numbers(let numbers):
      writer.put(UInt8(0))
      writer.put(array: numbers) { $0.put($1) }
    case .texts(let texts):
      writer.put(UInt8(1))
      writer.put(array: texts) { $0.put($1) }
    }
    writer.put(UInt32(codes.count))
    var bytes = writer.bytes
    for byte in 0..<Self.width(values.count) {
      bytes += codes.map { UInt8(truncatingIfNeeded: $0 >> UInt32(8 * byte)) }
    }
    return bytes
  }

  /// - Throws: for bytes that are no column of `rows` rows.
  init(_ bytes: [UInt8], rows: Int) throws(RecordError) {
    var reader = ByteReader(bytes)
    switch try reader.byte() {
    case 0: values = .numbers(try reader.array { (r) throws(RecordError) in try r.double() })
    case 1: values = .texts(try reader.array { (r) throws(RecordError) in try r.raw() })
    case let kind: throw RecordError(problem: "a column has the kind \(kind)")
    }
    let count = Int(try reader.uint32())
    let width = Self.width(values.count)
    guard count == rows, reader.remaining == width * rows else {
      throw RecordError(problem: "a column has \(count) rows, its block \(rows)")
    }
    var codes = [UInt32](repeating: 0, count: rows)
    let start = bytes.count - width * rows
    for byte in 0..<width {
      let plane = bytes[(start + byte * rows)..<(start + (byte + 1) * rows)]
      for (row, part) in plane.enumerated() { codes[row] |= UInt32(part) << UInt32(8 * byte) }
    }
    guard (codes.max() ?? 0) <= UInt32(values.count) else {
      throw RecordError(problem: "a column names a value that it has not")
    }
    self.codes = codes
  }

  /// Bytes of a code.
  private static func width(_ values: Int) -> Int {
    values == 0 ? 0 : values < 256 ? 1 : values < 65_536 ? 2 : 4
  }
}

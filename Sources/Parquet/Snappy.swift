/// Snappy's block format, decompressed: copies of literals and of what came before, behind the length.
///
/// Google's `format_description.txt`, unchanged since 2011. Own code because it is this short, and one
/// C++ library less to install for those who read no Parquet.
enum Snappy {
  /// - Parameter total: bytes that must come out.
  static func decompress(
    _ input: ArraySlice<UInt8>, count total: Int
  ) throws(ParquetFlaw) -> [UInt8] {
    var position = input.startIndex
    guard try length(input, &position) == total else { throw bad("says another length") }
    var output: [UInt8] = []
    output.reserveCapacity(total)
    while position < input.endIndex {
      let tag = input[position]
      position += 1
      if tag & 3 == 0 {
        let count = try number(input, &position, extra: Int(tag >> 2) - 59, or: Int(tag >> 2)) + 1
        guard count <= input.endIndex - position, count <= total - output.count else {
          throw bad("has a literal beyond its end")
        }
        output += input[position..<position + count]
        position += count
      } else {
        try copy(tag, input, &position, to: &output, limit: total)
      }
    }
    guard output.count == total else { throw bad("ends early") }
    return output
  }

  private static func copy(
    _ tag: UInt8, _ input: ArraySlice<UInt8>, _ position: inout Int, to output: inout [UInt8],
    limit: Int
  ) throws(ParquetFlaw) {
    let (count, offset): (Int, Int)
    if tag & 3 == 1 {
      count = Int(tag >> 2 & 7) + 4
      offset = Int(tag >> 5) << 8 | (try number(input, &position, extra: 1, or: 0))
    } else {
      count = Int(tag >> 2) + 1
      offset = try number(input, &position, extra: tag & 3 == 2 ? 2 : 4, or: 0)
    }
    guard offset > 0, offset <= output.count, count <= limit - output.count else {
      throw bad("copies from outside")
    }
    let from = output.count - offset
    if offset >= count {
      output += output[from..<from + count]
    } else {
      // It reads what it writes: the pattern repeats.
      for index in from..<from + count { output.append(output[index]) }
    }
  }

  /// A number in `extra` bytes, little-endian; `value` where there are none.
  private static func number(
    _ input: ArraySlice<UInt8>, _ position: inout Int, extra: Int, or value: Int
  ) throws(ParquetFlaw) -> Int {
    guard extra > 0 else { return value }
    guard extra <= input.endIndex - position else { throw bad("is cut") }
    var number = 0
    for index in 0..<extra { number |= Int(input[position + index]) << (8 * index) }
    position += extra
    return number
  }

  private static func length(
    _ input: ArraySlice<UInt8>, _ position: inout Int
  ) throws(ParquetFlaw) -> Int {
    var value = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      guard position < input.endIndex else { throw bad("is cut") }
      let byte = input[position]
      position += 1
      value |= Int(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw bad("says no length")
  }

  private static func bad(_ what: String) -> ParquetFlaw { .damaged("its Snappy block \(what)") }
}

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
    var output = [UInt8](repeating: 0, count: total)
    var filled = 0
    while position < input.endIndex {
      let tag = input[position]
      position += 1
      if tag & 3 == 0 {
        let count = try number(input, &position, extra: Int(tag >> 2) - 59, or: Int(tag >> 2)) + 1
        guard count <= input.endIndex - position, count <= total - filled else {
          throw bad("has a literal beyond its end")
        }
        put(input[position..<position + count], into: &output, at: filled)
        position += count
        filled += count
      } else {
        filled += try copy(tag, input, &position, in: &output, filled)
      }
    }
    guard filled == total else { throw bad("ends early") }
    return output
  }

  private static func put(
    _ literal: ArraySlice<UInt8>, into output: inout [UInt8], at place: Int
  ) {
    unsafe literal.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes {
        unsafe UnsafeMutableRawBufferPointer(rebasing: $0[place..<place + source.count])
          .copyMemory(from: source)
      }
    }
  }

  /// - Returns: how many bytes were added.
  private static func copy(
    _ tag: UInt8, _ input: ArraySlice<UInt8>, _ position: inout Int, in output: inout [UInt8],
    _ filled: Int
  ) throws(ParquetFlaw) -> Int {
    let (count, offset): (Int, Int)
    if tag & 3 == 1 {
      count = Int(tag >> 2 & 7) + 4
      offset = Int(tag >> 5) << 8 | (try number(input, &position, extra: 1, or: 0))
    } else {
      count = Int(tag >> 2) + 1
      offset = try number(input, &position, extra: tag & 3 == 2 ? 2 : 4, or: 0)
    }
    guard offset > 0, offset <= filled, count <= output.count - filled else {
      throw bad("copies from outside")
    }
    // At most 64 bytes; it may read what it writes, and then the pattern repeats.
    for index in filled..<filled + count { output[index] = output[index - offset] }
    return count
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

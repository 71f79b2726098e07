/// Numbers in runs and bit-packed groups of eight: the format's hybrid encoding, of levels and of places
/// in a dictionary.
struct RunLengths {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int
  private let width: Int
  private var run = 0
  private var value = 0
  private var packed = 0
  /// In bits, from the start of `bytes`.
  private var place = 0

  /// - Parameters:
  ///   - range: where in `bytes` the runs lie.
  ///   - width: bits of a number, 0 to 32.
  init(_ bytes: [UInt8], _ range: Range<Int>, width: Int) {
    precondition((0...32).contains(width) && range.upperBound <= bytes.count)
    self.bytes = bytes
    self.width = width
    (position, end) = (range.lowerBound, range.upperBound)
  }

  mutating func next() throws(ParquetFlaw) -> Int {
    while run == 0, packed == 0 { try readHead() }
    if run > 0 {
      run -= 1
      return value
    }
    packed -= 1
    return try unpack()
  }

  private mutating func readHead() throws(ParquetFlaw) {
    var head: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < end, shift < 35 else { throw .damaged("its runs end before its values") }
      let byte = bytes[position]
      position += 1
      head |= UInt64(byte & 0x7F) << shift
      shift += 7
      if byte < 0x80 { break }
    }
    if head & 1 == 1 {
      packed = Int(head >> 1) * 8
      place = position * 8
      // The last group may be cut: what is missing was never a value, or `unpack` says so.
      position = min(end, position + Int(head >> 1) * width)
    } else {
      run = Int(head >> 1)
      let count = (width + 7) / 8
      guard end - position >= count else { throw .damaged("its runs end before its values") }
      value = 0
      for index in 0..<count { value |= Int(bytes[position + index]) << (8 * index) }
      position += count
      guard value >> width == 0 else { throw .damaged("a run holds a value of too many bits") }
    }
  }

  private mutating func unpack() throws(ParquetFlaw) -> Int {
    let last = place + width
    guard last <= end * 8 else { throw .damaged("its runs end before its values") }
    var bits = 0
    for (index, byte) in (place >> 3..<(last + 7) >> 3).enumerated() {
      bits |= Int(bytes[byte]) << (8 * index)
    }
    defer { place = last }
    return bits >> (place & 7) & (1 << width - 1)
  }
}

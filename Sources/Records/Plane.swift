/// Some bits of each number of a column, together.
///
/// A plane of eight bits takes a byte for each number. One of fewer is packed in *lanes*: the numbers
/// are cut into eight runs, and the eight numbers that have the same place in theirs share as many
/// bytes as one of them has bits; byte 0 of all places comes first, then byte 1, and so on. So all
/// loops go over neighbours, which the compiler turns into vectors (measured: 20 times the speed of
/// eight neighbours to a group, whose bits have to be gathered).
struct Plane {
  /// The lowest bit of a number that is in the plane.
  var shift: UInt32
  /// 1 to 8.
  var width: Int

  /// Of a number's bits `0..<width`, lowest first.
  static func covering(_ width: Int) -> [Plane] {
    stride(from: 0, to: width, by: 8).map {
      Plane(shift: UInt32($0), width: min(8, width - $0))
    }
  }

  /// Bytes of a plane of `count` numbers.
  func length(_ count: Int) -> Int { width == 8 ? count : Self.places(count) * width }

  private static let runs = 8

  /// Numbers of a run.
  private static func places(_ count: Int) -> Int { (count + runs - 1) / runs }

  /// The plane of `words`.
  func bytes(of words: Swift.Span<UInt32>) -> [UInt8] {
    let count = words.count
    let mask = UInt32(1) << UInt32(width) &- 1
    let places = Self.places(count)
    var fields = [UInt8](repeating: 0, count: width == 8 ? count : Self.runs * places)
    var field = fields.mutableSpan
    precondition(count <= field.count)
    for index in 0..<count {
      field[index] = UInt8(truncatingIfNeeded: words[index] &>> shift & mask)
    }
    return width == 8 ? fields : packed(fields, places)
  }

  private func packed(_ fields: [UInt8], _ places: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: width * places)
    var output = bytes.mutableSpan
    for byte in 0..<width {
      for run in runs(in: byte) {
        let from = fields.span.extracting(run * places..<(run + 1) * places)
        Self.add(from, to: &output, at: byte * places, shiftedBy: run * width - 8 * byte)
      }
    }
    return bytes
  }

  /// Adds the plane to `words`, whose bits in its place are zero.
  ///
  /// - Returns: false where bits are set behind the last number.
  func read(_ bytes: Swift.Span<UInt8>, _ words: inout MutableSpan<UInt32>) -> Bool {
    let count = words.count
    precondition(bytes.count == length(count), "plane of \(count) in \(bytes.count) bytes")
    guard width < 8 else {
      Self.add(bytes, to: &words, shift)
      return true
    }
    let fields = unpacked(bytes, Self.places(count))
    Self.add(fields.span.extracting(0..<count), to: &words, shift)
    return fields[count...].allSatisfy { $0 == 0 }
  }

  private static func add(
    _ bytes: Swift.Span<UInt8>, to words: inout MutableSpan<UInt32>, _ shift: UInt32
  ) {
    let count = words.count
    // Said once here, so that the loop need not ask.
    precondition(bytes.count == count)
    for index in 0..<count { words[index] |= UInt32(bytes[index]) &<< shift }
  }

  private func unpacked(_ bytes: Swift.Span<UInt8>, _ places: Int) -> [UInt8] {
    let mask = UInt8(truncatingIfNeeded: 1 << width - 1)
    var fields = [UInt8](repeating: 0, count: Self.runs * places)
    var output = fields.mutableSpan
    for byte in 0..<width {
      let from = bytes.extracting(byte * places..<(byte + 1) * places)
      for run in runs(in: byte) {
        Self.add(
          from, to: &output, at: run * places, shiftedBy: 8 * byte - run * width, mask: mask)
      }
    }
    return fields
  }

  /// The runs of which byte `byte` of a place has bits.
  private func runs(in byte: Int) -> ClosedRange<Int> {
    8 * byte / width...(8 * byte + 7) / width
  }

  /// Adds `bits` to the bytes from `start` on, moved up by `shift`, or down where it is negative.
  private static func add(
    _ bits: Swift.Span<UInt8>, to output: inout MutableSpan<UInt8>, at start: Int,
    shiftedBy shift: Int, mask: UInt8 = .max
  ) {
    let count = bits.count
    // Said once here, so that the loops need not ask.
    precondition(start >= 0 && start <= output.count && count <= output.count - start)
    let places = UInt8(truncatingIfNeeded: abs(shift))
    if shift < 0 {
      for index in 0..<count { output[start &+ index] |= bits[index] &>> places & mask }
    } else {
      for index in 0..<count { output[start &+ index] |= bits[index] &<< places & mask }
    }
  }
}

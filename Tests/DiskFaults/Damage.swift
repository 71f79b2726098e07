import Foundation

/// One way to damage a file at rest.
public enum Damage: String, CaseIterable, Sendable {
  case truncated
  case emptied
  case deleted
  case flippedBit
  /// A bit in the first 64 bytes of a page of 4096: where a database keeps its structure.
  case flippedBitInHeader
  case zeroedPage
  case swappedPages
  /// A page's worth of noise.
  case garbagePage
  /// A few bytes of noise.
  case garbageBytes
  /// Noise behind the end.
  case lengthened

  private static let page = 4096

  /// Damages `path`.
  ///
  /// Returns what was done, or nil where this damage cannot be told from the file as it was: a
  /// swap in a file of one page, an empty file emptied, zeros zeroed.
  public func apply(to path: String, _ choices: inout Choices) throws -> String? {
    let url = URL(fileURLWithPath: path)
    if self == .deleted {
      try FileManager.default.removeItem(at: url)
      return "deleted"
    }
    let whole = [UInt8](try Data(contentsOf: url))
    var bytes = whole
    guard let what = damage(&bytes, &choices), bytes != whole else { return nil }
    // In place, so that rights and inode stay.
    let handle = try FileHandle(forWritingTo: url)
    defer { handle.closeFile() }
    try handle.write(contentsOf: Data(bytes))
    try handle.truncate(atOffset: UInt64(bytes.count))
    return what
  }

  private func damage(_ bytes: inout [UInt8], _ choices: inout Choices) -> String? {
    let count = bytes.count
    guard count > 0 else {
      guard self == .lengthened else { return nil }
      bytes = choices.noise(64)
      return "64 bytes of noise appended"
    }
    switch self {
    case .deleted: return nil
    case .emptied:
      bytes = []
      return "emptied"
    case .truncated:
      let length = choices.integer(below: count)
      bytes.removeLast(count - length)
      return "truncated from \(count) to \(length) bytes"
    case .lengthened:
      let more = choices.integer(in: 1...2 * Self.page)
      bytes += choices.noise(more)
      return "\(more) bytes of noise appended"
    case .flippedBit: return flip(&bytes, at: choices.integer(below: count), &choices)
    case .flippedBitInHeader:
      let page = choices.integer(below: (count + Self.page - 1) / Self.page) * Self.page
      return flip(&bytes, at: page + choices.integer(below: min(64, count - page)), &choices)
    case .garbageBytes:
      let place = choices.integer(below: count)
      let length = min(choices.integer(in: 1...16), count - place)
      bytes.replaceSubrange(place..<place + length, with: choices.noise(length))
      return "\(length) bytes of noise at byte \(place)"
    case .zeroedPage, .garbagePage:
      let start = choices.integer(below: (count + Self.page - 1) / Self.page) * Self.page
      let length = min(Self.page, count - start)
      let noise = self == .zeroedPage ? Array(repeating: 0, count: length) : choices.noise(length)
      bytes.replaceSubrange(start..<start + length, with: noise)
      return "\(self == .zeroedPage ? "zeros" : "noise") for \(length) bytes from byte \(start)"
    case .swappedPages:
      guard count >= 2 * Self.page else { return nil }
      let first = choices.integer(below: count / Self.page) * Self.page
      let second = choices.integer(below: count / Self.page) * Self.page
      for offset in 0..<Self.page { bytes.swapAt(first + offset, second + offset) }
      return "pages at bytes \(first) and \(second) swapped"
    }
  }

  private func flip(_ bytes: inout [UInt8], at place: Int, _ choices: inout Choices) -> String {
    let bit = choices.integer(below: 8)
    bytes[place] ^= 1 << UInt8(bit)
    return "bit \(bit) of byte \(place) flipped"
  }
}

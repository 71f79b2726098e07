/// Decodes ids as they come: what it gives, one piece after the other, is what `Tokenizer.decode` gives
/// for all of them at once.
///
/// A token may end inside a character; its bytes wait for the next one.
public struct IncrementalDecoder {
  private let tokenizer: Tokenizer
  private let skipSpecials: Bool
  /// The beginning of a character, at most three bytes.
  private var pending: [UInt8] = []

  public init(_ tokenizer: Tokenizer, skipSpecials: Bool = false) {
    self.tokenizer = tokenizer
    self.skipSpecials = skipSpecials
  }

  /// The text that is certain once `id` has come; often empty where characters are cut.
  public mutating func append(_ id: Int32) -> String {
    if skipSpecials, tokenizer.isSpecialToken(id) { return "" }
    pending += tokenizer.bytes(of: id)
    let kept = Self.openBytes(at: pending)
    let text = String(decoding: pending.dropLast(kept), as: UTF8.self)
    pending = Array(pending.suffix(kept))
    return text
  }

  /// What is left when no more comes: U+FFFD for a character that was never finished.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end are the beginning of a character that further bytes could finish.
  private static func openBytes(at bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let lead = bytes[bytes.count - count]
      if lead & 0xC0 == 0x80 { continue }
      let second = count > 1 ? bytes[bytes.count - count + 1] : nil
      return begins(lead, second) && count < length(of: lead) ? count : 0
    }
    return 0
  }

  private static func length(of lead: UInt8) -> Int {
    switch lead {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }

  /// Whether a character can begin with these bytes (Unicode Standard, table 3-7).
  private static func begins(_ lead: UInt8, _ second: UInt8?) -> Bool {
    guard let second else { return true }
    switch lead {
    case 0xE0: return second >= 0xA0
    case 0xED: return second <= 0x9F
    case 0xF0: return second >= 0x90
    case 0xF4: return second <= 0x8F
    default: return true
    }
  }
}

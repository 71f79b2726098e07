/// A record that was set aside: where it stood, why, and the bytes as they were.
public struct QuarantinedRecord: Sendable, Equatable {
  public let log: Log
  public let key: RecordKey
  public let reason: String
  /// Envelope and frame as stored.
  public let bytes: [UInt8]

  init(log: Log, key: RecordKey, reason: String, bytes: [UInt8]) {
    self.log = log
    self.key = key
    self.reason = reason
    self.bytes = bytes
  }

  /// `verdicts/00000000000000000017.0`: sorts by log and key.
  var name: String {
    let digits = String(key.id)
    return "\(log)/\(String(repeating: "0", count: 20 - digits.count))\(digits).\(key.part)"
  }

  var value: [UInt8] {
    let reason = Array(reason.utf8)
    return littleEndian(UInt32(reason.count)) + reason + bytes
  }

  init(name: String, value: [UInt8]) throws(QueueError) {
    let place = "quarantine/\(name)"
    let parts = name.split(separator: "/")
    let numbers = parts.last.map { $0.split(separator: ".") } ?? []
    guard parts.count == 2, numbers.count == 2, let log = Log(rawValue: String(parts[0])),
      let id = UInt64(numbers[0]), let part = UInt32(numbers[1])
    else { throw .damaged(place, "is no key of the quarantine") }
    guard value.count >= 4, Int(littleEndian(value, at: 0) as UInt32) <= value.count - 4 else {
      throw .damaged(place, "\(value.count) bytes, too few for its reason")
    }
    let end = 4 + Int(littleEndian(value, at: 0) as UInt32)
    self.log = log
    key = RecordKey(id, part: part)
    reason = String(decoding: value[4..<end], as: UTF8.self)
    bytes = Array(value[end...])
  }
}

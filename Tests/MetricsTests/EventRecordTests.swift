import Foundation
import Metrics
import TensorBoardReader
import Testing

@Suite struct CRC32CTests {
  /// RFC 3720, B.4, and the check value of the CRC catalogue.
  @Test func vectorsOfTheStandard() {
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(UInt8(0)..<32) == 0x46DD_794E)
    #expect(CRC32C.checksum((UInt8(0)..<32).reversed()) == 0x113F_DB5C)
    #expect(CRC32C.checksum([]) == 0)
    #expect(CRC32C.masked([]) == 0xA282_EAD8)
    let crc: UInt32 = 0xE306_9283
    #expect(CRC32C.masked(Array("123456789".utf8)) == (crc >> 15 | crc << 17) &+ 0xA282_EAD8)
  }
}

@Suite struct EventRecordTests {
  @Test func aFileReadsAsItWasWritten() throws {
    let values: [(name: String, value: Double)] = [
      ("a/é", 0.1), ("b", .nan), ("c", .infinity), ("d", -.infinity), ("e", 1e300), ("f", -0.0),
    ]
    let bytes =
      EventRecord.version(wallTime: 1.5) + EventRecord.scalars(step: 0, wallTime: 2.25, values)
      + EventRecord.scalars(step: 300, wallTime: 3, [])
      + EventRecord.scalars(step: .max >> 1, wallTime: 4, values)
    let events = try EventFile.events(bytes)
    #expect(events.map(\.wallTime) == [1.5, 2.25, 3, 4])
    #expect(events.map(\.version) == ["brain.Event:2", nil, nil, nil])
    #expect(events.map(\.step) == [nil, 0, 300, .max >> 1])
    #expect(events[1].scalars.map(\.tag) == values.map(\.name))
    let bits = events[1].scalars.map(\.value.bitPattern)
    #expect(bits == values.map { Float($0.value).bitPattern })
    #expect(events[2].scalars.isEmpty)
  }

  /// What the writer reads of its own file to go on with it.
  @Test func aTornOrDamagedRecordIsNone() throws {
    let record = EventRecord.scalars(step: 300, wallTime: 3, [("loss", 1)])
    let head = Array(record.prefix(EventRecord.headLength))
    let rest = Array(record.dropFirst(EventRecord.headLength))
    #expect(EventRecord.length(head: head) == rest.count - EventRecord.tailLength)
    #expect(EventRecord.content(rest) == .step(300))
    let version = EventRecord.version(wallTime: 0).dropFirst(EventRecord.headLength)
    #expect(EventRecord.content(Array(version)) == .version)
    for bit in 0..<8 * record.count {
      var damaged = record
      damaged[bit / 8] ^= 1 << (bit % 8)
      let length = EventRecord.length(head: Array(damaged.prefix(EventRecord.headLength)))
      let content = EventRecord.content(Array(damaged.dropFirst(EventRecord.headLength)))
      #expect(length == nil || content == nil, "bit \(bit)")
    }
    for count in 0..<head.count {
      #expect(EventRecord.length(head: Array(head.prefix(count))) == nil)
    }
    for count in 0..<rest.count { #expect(EventRecord.content(Array(rest.prefix(count))) == nil) }
  }
}

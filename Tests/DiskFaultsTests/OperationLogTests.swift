import DiskFaults
import Foundation
import Testing

@Suite struct OperationLogTests {
  private func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value(8 * $0)) }
  }

  private func record(
    kind: UInt32, path: String, target: String = "", data: [UInt8] = [], offset: UInt64 = 0,
    flags: UInt32 = 0, result: Int64 = 0
  ) -> [UInt8] {
    number(UInt32(0x4B53_4944)) + number(kind) + number(UInt32(42)) + number(flags)
      + number(offset) + number(UInt64(data.count)) + number(result)
      + number(UInt32(path.utf8.count)) + number(UInt32(target.utf8.count)) + Array(path.utf8)
      + Array(target.utf8) + data
  }

  @Test func recordsAreReadInOrderAndFailedCallsLeftOut() throws {
    let log =
      record(kind: 1, path: "/r/é") + record(kind: 8, path: "/r/none", result: -2)
      + record(kind: 3, path: "/r/é", data: [1, 2, 3], offset: 7, flags: 1, result: 3)
      + record(kind: 7, path: "/r/é", target: "/r/b")
    let found = try OperationLog.parse(log)
    var write = DiskOperation.write("/r/é", at: 7, [1, 2, 3], isSynchronous: true)
    write.process = 42
    #expect(found.map(\.kind) == [.create, .write, .rename])
    #expect(found[1] == write && found[2].target == "/r/b")
  }

  @Test func aTornOrForeignRecordIsRefused() {
    let whole = record(kind: 3, path: "/r/a", data: [1, 2, 3])
    for count in 1..<whole.count {
      #expect(throws: OperationLog.Malformed.self) {
        try OperationLog.parse(Array(whole.prefix(count)))
      }
    }
    #expect(throws: OperationLog.Malformed.self) {
      try OperationLog.parse(record(kind: 99, path: "/r/a"))
    }
  }
}

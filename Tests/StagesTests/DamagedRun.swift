import Foundation
import Queue
import Records
import Stages
import Testing

/// Damage to the stored bytes of a run at rest.
extension RunDirectory {
  var data: URL { URL(fileURLWithPath: queue + "/data.mdb") }

  /// Flips a bit in every copy of the bytes: copy-on-write leaves older ones in free pages.
  func damage(_ bytes: [UInt8], at offset: Int) throws {
    var whole = try Data(contentsOf: data)
    let wanted = Data(bytes)
    var count = 0
    while let found = whole.range(of: wanted) {
      whole[found.lowerBound + offset] ^= 0x20
      count += 1
    }
    try #require(count > 0)
    try whole.write(to: data)
  }

  func damage(_ log: Log, _ key: RecordKey) throws {
    let stored = try Queue.open(at: queue, access: .readOnly).read { try $0.storedBytes(log, key) }
    try damage(Array(try #require(stored).prefix(56)), at: 40)
  }

  func damage(_ places: [(Log, RecordKey)]) throws {
    for (log, key) in places { try damage(log, key) }
  }

  /// The keys of a log.
  func keys(_ log: Log) throws -> [RecordKey] {
    try Queue.open(at: queue, access: .readOnly).read { try $0.keys(log) }
  }

  /// The same run again, in a directory of its own beside it.
  func copy(_ name: String) throws -> RunDirectory {
    let path = "\(self.path)-\(name)"
    try FileManager.default.copyItem(atPath: self.path, toPath: path)
    return RunDirectory(path)
  }
}

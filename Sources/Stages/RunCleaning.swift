import Definition
import Files
import Foundation
import Queue

/// What processes that were killed left in a run's directory, and nothing needs.
public struct RunCleaning: Sendable, Equatable {
  public struct Item: Sendable, Equatable, Encodable {
    public var path: String
    public var bytes: Int
    /// `unfinished checkpoint`, `checkpoint without pointer`, …
    public var what: String
  }

  public private(set) var items: [Item] = []
  public var bytes: Int { items.reduce(0) { $0 + $1.bytes } }

  /// Looks for them; the caller holds `RunLocks`, so that nothing of a live process is among them.
  ///
  /// - Parameter damagedDays: damaged queues that a repair put aside count once they are this old.
  public init(of directory: RunDirectory, damagedDays: Int? = nil) throws {
    let ledger = Ledger(queue: try Queue.open(at: directory.queue, access: .readOnly))
    let pointers = Set(try CheckpointStore.pointers(ledger).map { "\($0.step)" })
    for name in try Self.names(in: directory.checkpoints) {
      let path = "\(directory.checkpoints)/\(name)"
      if name.hasPrefix("tmp-") {
        try add(path, "unfinished checkpoint")
      } else if UInt64(name) != nil, !pointers.contains(name) {
        try add(path, "checkpoint without pointer")
      }
    }
    let settings = try RunSettings(FrozenDefinition.read(of: directory))
    let newest = try ledger.cursor(.optimizer)
    for name in try Self.names(in: directory.policies) {
      let path = "\(directory.policies)/\(name)"
      if name.hasPrefix("tmp-") {
        try add(path, "unfinished policy version")
      } else if let version = UInt64(name), version + UInt64(settings.rollout.lag) + 2 <= newest {
        try add(path, "policy version that no step asks for")
      }
    }
    for folder in [directory.path, directory.queue, directory.logs] {
      for name in try Self.names(in: folder) where Self.isTemporary(name) {
        try add("\(folder)/\(name)", "unfinished file")
      }
    }
    let replaced = directory.queue + QueueReplacement.suffix
    if FileManager.default.fileExists(atPath: replaced) {
      try add(replaced, "interrupted replacement of the queue")
    }
    for path in try AbandonedFiles.creations(of: directory) {
      try add(path, "creation whose process is gone")
    }
    if let damagedDays { try addDamaged(directory, olderThanDays: damagedDays) }
  }

  /// Removes them.
  public func remove() throws {
    for item in items { try FileManager.default.removeItem(atPath: item.path) }
  }

  private static func names(in folder: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// `NAME.tmp` and `NAME.tmp-PID`, as files are written before their rename.
  private static func isTemporary(_ name: String) -> Bool {
    guard let mark = name.range(of: ".tmp", options: .backwards) else { return false }
    let rest = name[mark.upperBound...]
    return rest.isEmpty || rest.hasPrefix("-") && Int32(rest.dropFirst()) != nil
  }

  private mutating func addDamaged(_ directory: RunDirectory, olderThanDays days: Int) throws {
    let oldest = Date(timeIntervalSinceNow: -86_400 * Double(days))
    let mark = PathParts.name(of: directory.queue) + QueueReplacement.damagedMark
    let evaluations = try Self.names(in: directory.evaluations).map {
      "\(directory.evaluations)/\($0)"
    }
    for folder in [directory.path] + evaluations {
      for name in try Self.names(in: folder) where name.hasPrefix(mark) {
        let path = "\(folder)/\(name)"
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        guard let changed = attributes[.modificationDate] as? Date, changed < oldest else {
          continue
        }
        try add(path, "damaged queue that a repair put aside")
      }
    }
  }

  private mutating func add(_ path: String, _ what: String) throws {
    items.append(Item(path: path, bytes: try Self.size(of: path), what: what))
  }

  private static func size(of path: String) throws -> Int {
    let manager = FileManager.default
    var bytes = 0
    for name in [""] + (manager.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []) {
      // A link's own length: what it names is not of this run.
      let attributes = try manager.attributesOfItem(atPath: name.isEmpty ? path : "\(path)/\(name)")
      guard attributes[.type] as? FileAttributeType != .typeDirectory else { continue }
      bytes += (attributes[.size] as? NSNumber)?.intValue ?? 0
    }
    return bytes
  }
}

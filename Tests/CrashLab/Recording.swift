import Digest
import DiskFaults
import Foundation
import Synchronization

/// The disk calls of an undisturbed run, creation included, in an order in which they may have
/// happened.
struct Recording: Sendable {
  let log: [DiskOperation]
  /// The folder below which calls were recorded, as the log spells it.
  let root: String
  /// Names and contents of that folder before the run, as a folder.
  let initial: String

  /// The recording of a subject; made at first, and found again by later processes.
  static func kept(
    _ subject: Subject, _ form: Form, omittingSyncsOf text: String?, in laboratory: Laboratory
  ) throws -> Recording {
    // As digits: the folder's own path must not contain the text.
    let omission = text.map { "-" + hexadecimal(SHA256.hash(Array($0.utf8))).prefix(8) } ?? ""
    let folder =
      "\(laboratory.work)/known/recording-\(subject.name)-\(form.rawValue)\(omission)-"
      + laboratory.binary.prefix(12)
    if !FileManager.default.fileExists(atPath: folder) {
      try make(subject, form, omittingSyncsOf: text, at: folder)
    }
    return Recording(
      log: try OperationLog.read(folder + "/disk.log"),
      root: try String(contentsOfFile: folder + "/root", encoding: .utf8),
      initial: folder + "/before")
  }

  /// Runs `subject` to its end under the recording shim.
  private static func make(
    _ subject: Subject, _ form: Form, omittingSyncsOf text: String?, at folder: String
  ) throws {
    let manager = FileManager.default
    let making = "\(folder).\(UUID().uuidString)"
    try manager.createDirectory(atPath: making + "/before", withIntermediateDirectories: true)
    let run = try RunFolder(subject, at: making + "/recorded")
    try manager.copyItem(
      atPath: run.definition, toPath: "\(making)/before/\(subject.name).yaml")
    var shim = try Shim(root: run.folder).recording(to: making + "/disk.log")
    if let text { shim = shim.omittingSyncs(of: text) }
    let commands = try run.commands(form).map {
      try RunningCommand($0, environment: shim.environment)
    }
    for command in commands {
      let ended = try command.wait()
      guard ended.status == 0 else { throw LabError("recording \(subject.name): \(ended.errors)") }
    }
    // Without any the shim saw nothing, and every cut would leave nothing.
    let log = try OperationLog.read(making + "/disk.log")
    guard log.contains(where: { $0.kind == .syncFile || $0.kind == .syncData }) else {
      throw LabError("recording \(subject.name): the shim saw no sync")
    }
    try run.folder.write(toFile: making + "/root", atomically: true, encoding: .utf8)
    run.isKept = true
    try manager.moveItem(atPath: making, toPath: folder)
  }
}

/// Recordings that this process has read: the trials of a subject share one.
final class Recordings: Sendable {
  private let known = Mutex<[String: Recording]>([:])
  private let omission: String?

  init(omittingSyncsOf text: String?) { omission = text }

  func recording(
    of subject: Subject, _ form: Form, in laboratory: Laboratory
  ) throws -> Recording {
    try known.withLock { known in
      let name = "\(subject.name) \(form.rawValue)"
      if let recording = known[name] { return recording }
      let recording = try Recording.kept(
        subject, form, omittingSyncsOf: omission, in: laboratory)
      known[name] = recording
      return recording
    }
  }
}

/// What a run had told the world when its power went.
struct Acknowledged {
  /// The run's directory had its name, durably.
  var isCreated = false
  /// Steps whose line was in metrics.jsonl.
  var steps = 0
  /// The last commit of the queue that had returned.
  var transaction: UInt64 = 0

  /// - Parameter root: of the recording; the run stands in `root/run`.
  init(by log: some Sequence<DiskOperation>, root: String) {
    let run = root + "/run"
    var isNamed = false
    for operation in log {
      switch operation.kind {
      case .rename where operation.target == run: isNamed = true
      case .syncFolder where operation.path == root: isCreated = isNamed
      // Lines are appended one by one; the file is rewritten under another name.
      case .write where operation.path == run + "/metrics.jsonl":
        steps += operation.data.count { $0 == UInt8(ascii: "\n") }
      case .write where operation.isSynchronous && operation.path == run + "/queue/data.mdb":
        transaction = max(transaction, MetaPage.transaction(writtenBy: operation) ?? 0)
      default: break
      }
    }
  }
}

/// The number of the last commit in LMDB's two meta pages (`mdb.c` of 0.9, data version 1).
enum MetaPage {
  private static let pageSize = 4096
  /// `mm_txnid` in the page.
  private static let place = 144

  /// What a write of a meta page commits; nil for other writes.
  static func transaction(writtenBy operation: DiskOperation) -> UInt64? {
    let place = (operation.offset < pageSize ? 0 : pageSize) + place - operation.offset
    guard operation.offset < 2 * pageSize, place >= 0, place + 8 <= operation.data.count else {
      return nil
    }
    return number(operation.data, at: place)
  }

  /// The newest commit that a data file shows; 0 where it has no meta pages.
  static func newestTransaction(of file: [UInt8]) -> UInt64 {
    guard file.count >= 2 * pageSize else { return 0 }
    return max(number(file, at: place), number(file, at: pageSize + place))
  }

  private static func number(_ bytes: [UInt8], at offset: Int) -> UInt64 {
    (0..<8).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
  }
}

import CLMDB
import Foundation
import Glibc

/// What the two meta pages of an LMDB data file say, read from the file and not through its map.
///
/// LMDB maps the file and trusts it: a truncated one kills the process with SIGBUS (300 of 300
/// truncations measured), and a flipped bit in a meta page can show an older view without an error.
/// So these pages are judged before LMDB sees them. Format: `mdb.c` of 0.9, `MDB_page` and
/// `MDB_meta`, data version 1.
struct DataFile {
  static let magic: UInt32 = 0xBEEF_C0DE
  static let version: UInt32 = 1
  private static let metaFlag: UInt16 = 0x08
  /// Page header, then `MDB_meta` up to and with `mm_txnid`.
  private static let bytesOfMeta = 16 + 136

  let pageSize: Int
  let mapSize: Int
  /// Pages in use: the last one's number plus one.
  let pages: Int
  /// The last committed transaction.
  let transaction: UInt64

  /// Device and inode tell one environment from another, whatever path names it.
  struct Identity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64

    init(of path: String) throws(QueueError) {
      var status = stat()
      guard unsafe stat(path, &status) == 0 else { throw .system(errno, at: path, doing: "stat") }
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
    }
  }

  /// Reads and judges `path`.
  ///
  /// A writer may commit between the two reads, so a judgement against the file is made three times
  /// before it stands.
  init(reading path: String) throws(QueueError) {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system(errno, at: path, doing: "open") }
    defer { close(file) }
    for _ in 0..<2 {
      do throws(QueueError) {
        self = try DataFile(file, path: path)
        return
      } catch  where error.code == .damaged { continue }
    }
    self = try DataFile(file, path: path)
  }

  private init(_ file: Int32, path: String) throws(QueueError) {
    let first = try Meta(file, at: 0, path: path)
    let second = try Meta(file, at: first.pageSize, path: path)
    guard second.pageSize == first.pageSize else {
      throw .damaged(
        path, "its meta pages name pages of \(first.pageSize) and \(second.pageSize) bytes")
    }
    // Commit n writes meta page n mod 2, so the two differ by one. A new file has 0 in both.
    let odd = second.transaction
    let even = first.transaction
    let apart = odd > even ? odd - even : even - odd
    guard even % 2 == 0, odd == 0 && even == 0 || odd % 2 == 1 && apart == 1 else {
      throw .damaged(
        path, "its meta pages name the transactions \(even) and \(odd), not neighbours")
    }
    let newest = odd > even ? second : first
    var status = stat()
    guard unsafe fstat(file, &status) == 0 else { throw .system(errno, at: path, doing: "fstat") }
    // The older one may hold anything: LMDB never looks into it, and where writing it failed, or a kill
    // tore it, it has new roots beside an old transaction. The next commit writes over it.
    let needed = (newest.lastPage + 1) * UInt64(newest.pageSize)
    guard needed <= UInt64(status.st_size) else {
      throw .damaged(path, "truncated: \(status.st_size) bytes, where \(needed) are in use")
    }
    guard newest.rootsAreInside else {
      throw .damaged(path, "a meta page names a root page past the last page \(newest.lastPage)")
    }
    pageSize = newest.pageSize
    mapSize = Int(clamping: newest.mapSize)
    pages = Int(newest.lastPage) + 1
    transaction = newest.transaction
  }
}

extension DataFile {
  /// Those of the two meta pages that can be read, of a file whose pages may be damaged.
  static func metaPages(of path: String) throws(QueueError) -> [Meta] {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system(errno, at: path, doing: "open") }
    defer { close(file) }
    var found: [Meta] = []
    for offset in [0, found.first?.pageSize ?? 4096] {
      do throws(QueueError) { found.append(try Meta(file, at: offset, path: path)) } catch {
        guard error.code == .damaged || error.code == .unknownVersion else { throw error }
      }
    }
    return found
  }

  /// The meta page that commit `transaction` wrote; nil once a later one has written over it.
  ///
  /// Commit n writes meta page n mod 2.
  static func meta(of transaction: UInt64, at path: String) throws(QueueError) -> Meta? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system(errno, at: path, doing: "open") }
    defer { close(file) }
    var meta = try Meta(file, at: 0, path: path)
    if transaction % 2 == 1 { meta = try Meta(file, at: meta.pageSize, path: path) }
    return meta.transaction == transaction ? meta : nil
  }

  /// One of the two meta pages.
  struct Meta {
    let pageSize: Int
    let mapSize: UInt64
    let lastPage: UInt64
    let transaction: UInt64
    /// The list of free pages, and the table of the named databases.
    let free: TreeHead
    let main: TreeHead

    var rootsAreInside: Bool {
      [free.root, main.root].allSatisfy { $0 == TreeHead.none || $0 <= lastPage }
    }

    init(_ file: Int32, at offset: Int, path: String) throws(QueueError) {
      let bytes = try readBytes(file, at: offset, count: DataFile.bytesOfMeta, path: path)
      guard bytes.count == DataFile.bytesOfMeta else {
        throw .damaged(path, "truncated: no whole meta page at byte \(offset)")
      }
      let flags: UInt16 = littleEndian(bytes, at: 10)
      let magic: UInt32 = littleEndian(bytes, at: 16)
      guard magic == DataFile.magic, flags & DataFile.metaFlag != 0 else {
        throw .damaged(path, "no LMDB meta page at byte \(offset)")
      }
      let version: UInt32 = littleEndian(bytes, at: 20)
      guard version == DataFile.version else {
        throw QueueError(
          code: .unknownVersion, location: path,
          problem: "LMDB data format \(version), and this program reads \(DataFile.version)",
          remedy: "Use the program that wrote it.")
      }
      let size: UInt32 = littleEndian(bytes, at: 40)
      guard (256...65_536).contains(size), size.nonzeroBitCount == 1 else {
        throw .damaged(path, "a meta page names pages of \(size) bytes")
      }
      pageSize = Int(size)
      mapSize = littleEndian(bytes, at: 32)
      lastPage = littleEndian(bytes, at: 136)
      transaction = littleEndian(bytes, at: 144)
      free = TreeHead(bytes, at: 40)
      main = TreeHead(bytes, at: 88)
      guard lastPage >= 1, lastPage < UInt64(1) << 48 else {
        throw .damaged(path, "a meta page names the last page \(lastPage)")
      }
      // LMDB would map the file at the address that a meta page names.
      let address: UInt64 = littleEndian(bytes, at: 24)
      guard address == 0, free.flags == TreeHead.integerKeys, main.flags == 0,
        mapSize % UInt64(pageSize) == 0, mapSize < UInt64(1) << 46
      else { throw .damaged(path, "a meta page names flags or a map that this program never sets") }
    }
  }
}

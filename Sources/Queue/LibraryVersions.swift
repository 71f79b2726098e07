import CLMDB
import CZstd
import Glibc

/// The versions of the C libraries that this process runs with, for `pipeline doctor`.
public enum LibraryVersions {
  /// `0.9.24`.
  public static var lmdb: String {
    var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
    _ = unsafe mdb_version(&major, &minor, &patch)
    return "\(major).\(minor).\(patch)"
  }

  /// `1.5.4`.
  public static var zstd: String { unsafe String(cString: ZSTD_versionString()) }
}

/// Whether a queue may lie in a folder.
public struct QueuePlace: Sendable, Equatable {
  /// As `/proc/self/mountinfo` spells it; nil where the system does not say.
  public let fileSystem: String?
  /// Why LMDB is not safe there; nil when it is.
  public let problem: String?
  public let space: DiskSpace

  /// - Throws: when the folder is not there.
  public init(at path: String) throws(QueueError) {
    fileSystem = try FileSystemCheck.type(of: path)
    space = try DiskSpace(at: path)
    do throws(QueueError) {
      try FileSystemCheck.requireSuitable(path)
      problem = nil
    } catch  where error.code == .unsuitableFileSystem {
      problem = error.problem
    }
  }
}

/// A zstd file that belongs to no dataset: golden vectors and the like.
public enum CompressedFile {
  /// Its plain bytes. All of its content stands in one frame that names its size.
  /// - Throws: `.missing`, `.permission`, `.damaged` for other bytes, `.tooLarge` over 1 GiB.
  public static func read(_ path: String) throws(QueueError) -> [UInt8] {
    let limit = 1 << 30
    var status = stat()
    guard unsafe stat(path, &status) == 0,
      let frame = try readWhole(path, limit: Int(status.st_size))
    else { throw .system(errno, at: path, doing: "open") }
    let size = unsafe frame.withUnsafeBytes {
      unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count)
    }
    // ZSTD_CONTENTSIZE_UNKNOWN and _ERROR are the two highest numbers.
    guard size < UInt64.max - 1 else { throw notOneFrame(path) }
    guard size <= limit else { throw .tooLarge(path, bytes: Int(size), limit: limit) }
    var plain = [UInt8](repeating: 0, count: Int(size))
    let written = unsafe plain.withUnsafeMutableBytes { target in
      unsafe frame.withUnsafeBytes { source in
        unsafe ZSTD_decompress(
          target.baseAddress, target.count, source.baseAddress, source.count)
      }
    }
    guard ZSTD_isError(written) == 0, written == plain.count else { throw notOneFrame(path) }
    return plain
  }

  private static func notOneFrame(_ path: String) -> QueueError {
    QueueError(
      code: .damaged, location: path, problem: "it is not one zstd frame with a known size",
      remedy: "Fetch it again, or write it with `zstd`.")
  }
}

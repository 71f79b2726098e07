import Glibc

/// File systems where LMDB's shared map and locks are not coherent between machines or kernels.
enum FileSystemCheck {
  /// Types as `/proc/self/mountinfo` spells them; `fuse.x` counts as `fuse`.
  private static let unsuitable: Set<String> = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse", "fuseblk", "9p", "virtiofs", "afs", "ceph",
    "lustre", "gfs2", "ocfs2",
  ]

  static func requireSuitable(_ path: String) throws(QueueError) {
    guard let type = try type(of: path) else { return }
    let family = type.hasPrefix("fuse.") ? "fuse" : type
    guard unsuitable.contains(family) else { return }
    throw QueueError(
      code: .unsuitableFileSystem, location: path,
      problem: "lies on \(type), where LMDB is not safe",
      remedy: "Put the run on a local disk.")
  }

  /// nil where the system does not say: no `/proc`, or a file system with devices of its own.
  static func type(of path: String) throws(QueueError) -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .system(errno, at: path, doing: "stat") }
    let device = UInt64(status.st_dev)
    // `gnu_dev_major` and `gnu_dev_minor`, which are macros.
    let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
    let minor = device & 0xFF | (device >> 12) & ~0xFF
    guard let table = try readWhole("/proc/self/mountinfo", limit: 1 << 20) else { return nil }
    for line in String(decoding: table, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 6, fields[2] == "\(major):\(minor)",
        let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count
      else { continue }
      return String(fields[dash + 1])
    }
    return nil
  }
}

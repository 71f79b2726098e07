import Synchronization

/// A process's hold on one queue folder.
///
/// LMDB allows a second open of one environment in a process without an error, and loses the file
/// locks of both when either is closed. So the process remembers which ones are open, by device
/// and inode. This is a fact of the process (POSIX record locks are too), hence the one static.
final class Registration: Sendable {
  private static let open = Mutex<Set<DataFile.Identity>>([])

  private let identity: DataFile.Identity

  init(folder: String) throws(QueueError) {
    let identity = try DataFile.Identity(of: folder)
    guard Self.open.withLock({ $0.insert(identity).inserted }) else {
      throw QueueError(
        code: .locked, location: folder, problem: "is open in this process already",
        remedy: "Use the queue that is open, or release it first.")
    }
    self.identity = identity
  }

  deinit { Self.open.withLock { _ = $0.remove(identity) } }
}

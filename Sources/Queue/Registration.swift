import Glibc
import Synchronization

/// A process's hold on one queue folder.
///
/// LMDB allows a second open of one environment in a process without an error, and loses the file
/// locks of both when either is closed. So the process remembers which ones are open, by device
/// and inode. This is a fact of the process (POSIX record locks are too), hence the one static.
final class Registration: Sendable {
  private static let open = Mutex<Set<DataFile.Identity>>([])

  private let identity: DataFile.Identity
  /// Of the folder: while it is open, the inode of a folder that was removed cannot become another's.
  private let descriptor: Int32

  init(folder: String) throws(QueueError) {
    let descriptor = unsafe Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(errno, at: folder, doing: "open") }
    let identity: DataFile.Identity
    do throws(QueueError) {
      identity = try DataFile.Identity(of: folder)
    } catch {
      close(descriptor)
      throw error
    }
    guard Self.open.withLock({ $0.insert(identity).inserted }) else {
      close(descriptor)
      throw QueueError(
        code: .locked, location: folder, problem: "is open in this process already",
        remedy: "Use the queue that is open, or release it first.")
    }
    self.identity = identity
    self.descriptor = descriptor
  }

  deinit {
    Self.open.withLock { _ = $0.remove(identity) }
    close(descriptor)
  }
}

import Glibc
import Synchronization

/// Keeps the map from being resized while a transaction of this process is open.
///
/// Transactions pass in any number; a resize waits until all are out and holds new ones back.
/// `mdb_env_set_mapsize` unmaps the file, so a reader inside would read freed memory.
@safe final class TransactionGate: Sendable {
  private nonisolated(unsafe) let lock: UnsafeMutablePointer<pthread_rwlock_t>
  /// Threads inside. A second transaction of one thread could wait for itself (for LMDB's writer
  /// lock), so it is refused at once.
  private let threads = Mutex<Set<pthread_t>>([])

  init() {
    unsafe lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
    var attributes = pthread_rwlockattr_t()
    // glibc's default lets readers pass a waiting writer: threads that poll a log could then keep
    // the map from ever growing.
    let kind = Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
    precondition(
      unsafe pthread_rwlockattr_init(&attributes) == 0
        && pthread_rwlockattr_setkind_np(&attributes, kind) == 0
        && pthread_rwlock_init(lock, &attributes) == 0, "TransactionGate: init")
  }

  deinit {
    unsafe pthread_rwlock_destroy(lock)
    unsafe lock.deallocate()
  }

  func enter() {
    let isFirst = threads.withLock { $0.insert(pthread_self()).inserted }
    precondition(isFirst, "a queue transaction was begun inside another one of its thread")
    precondition(unsafe pthread_rwlock_rdlock(lock) == 0, "TransactionGate: enter")
  }

  func leave() {
    precondition(unsafe pthread_rwlock_unlock(lock) == 0, "TransactionGate: leave")
    threads.withLock { _ = $0.remove(pthread_self()) }
  }

  /// For a look at the map outside any transaction, or inside one.
  func shared<Result>(_ body: () -> Result) -> Result {
    if threads.withLock({ $0.contains(pthread_self()) }) { return body() }
    precondition(unsafe pthread_rwlock_rdlock(lock) == 0, "TransactionGate: shared")
    defer { precondition(unsafe pthread_rwlock_unlock(lock) == 0, "TransactionGate: shared") }
    return body()
  }

  func alone<Result>(_ body: () throws(QueueError) -> Result) throws(QueueError) -> Result {
    precondition(unsafe pthread_rwlock_wrlock(lock) == 0, "TransactionGate: alone")
    defer { precondition(unsafe pthread_rwlock_unlock(lock) == 0, "TransactionGate: alone") }
    return try body()
  }
}

import NIOConcurrencyHelpers
import NIOCore

/// The open connections and the bytes of answers under way: what bounds the server's memory.
final class ConnectionTable: Sendable {
  private struct Entry {
    var channel: any Channel
    /// Place in the order in which connections began to wait for their clients; nil while they are
    /// answered.
    var waiting: UInt64?
  }

  private struct State {
    var entries: [ObjectIdentifier: Entry] = [:]
    var next: UInt64 = 0
    var answerBytes = 0
    var isStopping = false
  }

  private let state = NIOLockedValueBox(State())
  private let limits: WebLimits

  init(_ limits: WebLimits) { self.limits = limits }

  var count: Int { state.withLockedValue { $0.entries.count } }

  /// Takes a connection in. Where there is no place, the one that has waited longest is closed, so that
  /// connections that say nothing keep nobody out.
  /// - Returns: whether there is a place: none where all are being answered, or the server stops.
  func add(_ channel: any Channel) -> Bool {
    let (isTaken, victim) = state.withLockedValue { state -> (Bool, (any Channel)?) in
      guard !state.isStopping else { return (false, nil) }
      var victim: ObjectIdentifier?
      if state.entries.count >= limits.connections {
        victim =
          state.entries.compactMap { key, entry in entry.waiting.map { (key, $0) } }
          .min { $0.1 < $1.1 }?.0
        guard victim != nil else { return (false, nil) }
      }
      let closed = victim.flatMap { state.entries.removeValue(forKey: $0)?.channel }
      state.next += 1
      state.entries[ObjectIdentifier(channel)] = Entry(channel: channel, waiting: state.next)
      return (true, closed)
    }
    victim?.close(promise: nil)
    return isTaken
  }

  func remove(_ channel: any Channel) {
    _ = state.withLockedValue { $0.entries.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  func setAnswered(_ isAnswered: Bool, _ channel: any Channel) {
    state.withLockedValue { state in
      state.next += 1
      state.entries[ObjectIdentifier(channel)]?.waiting = isAnswered ? nil : state.next
    }
  }

  /// Sets bytes of an answer aside.
  /// - Returns: whether there is room.
  func reserve(_ bytes: Int) -> Bool {
    state.withLockedValue { state in
      guard bytes <= limits.answerBytes - state.answerBytes else { return false }
      state.answerBytes += bytes
      return true
    }
  }

  func release(_ bytes: Int) { state.withLockedValue { $0.answerBytes -= bytes } }

  /// Closes what waits, and takes nobody in any more.
  func stop() {
    let waiting = state.withLockedValue { state in
      state.isStopping = true
      return state.entries.values.filter { $0.waiting != nil }.map(\.channel)
    }
    for channel in waiting { channel.close(promise: nil) }
  }

  var isStopping: Bool { state.withLockedValue { $0.isStopping } }
}

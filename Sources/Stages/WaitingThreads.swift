import Foundation
import Records
import Synchronization

/// Threads for work that waits for something outside: never those of a shared pool, which others need
/// to compute with.
public struct WaitingThreads {
  /// How many work at once.
  let atOnce: Int
  let interruption: Interruption?
  /// Told once when an interruption comes: lets what waits return.
  let stop: () -> Void

  public init(atOnce: Int, interruption: Interruption?, stop: @escaping () -> Void) {
    self.atOnce = atOnce
    self.interruption = interruption
    self.stop = stop
  }

  /// `body(0), body(1), …`, in that order; nil for what an interruption came before or into.
  public func map<Value: Sendable>(
    _ count: Int, _ body: @Sendable @escaping (Int) -> Value
  ) -> [Value?] {
    let work = Work<Value>(count)
    let threads = min(atOnce, count)
    let ended = DispatchSemaphore(value: 0)
    for _ in 0..<threads {
      Thread.detachNewThread {
        while let index = work.next() { work.finish(index, body(index)) }
        ended.signal()
      }
    }
    var running = threads
    while running > 0 {
      if ended.wait(timeout: .now() + .milliseconds(20)) == .success { running -= 1 }
      if interruption?.status != nil, work.close() { stop() }
    }
    return work.values
  }
}

/// Indices that are dealt out, and what came of them.
private final class Work<Value: Sendable>: Sendable {
  private struct State {
    var dealt = 0
    var isClosed = false
    var values: [Value?]
  }

  private let state: Mutex<State>
  private let count: Int

  init(_ count: Int) {
    self.count = count
    state = Mutex(State(values: Array(repeating: nil, count: count)))
  }

  var values: [Value?] { state.withLock { $0.values } }

  func next() -> Int? {
    state.withLock { state in
      guard !state.isClosed, state.dealt < count else { return nil }
      defer { state.dealt += 1 }
      return state.dealt
    }
  }

  func finish(_ index: Int, _ value: Value) {
    state.withLock { state in
      if !state.isClosed { state.values[index] = value }
    }
  }

  /// From now on nothing is dealt out and nothing kept.
  /// - Returns: false where it was closed already.
  func close() -> Bool {
    state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
  }
}

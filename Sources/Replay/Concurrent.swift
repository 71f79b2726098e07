import Dispatch
import Synchronization

/// `body(0), body(1), …` on all cores, in order. Every index runs to its end; of the errors the one
/// with the lowest index is thrown, so that the outcome does not depend on timing.
func concurrentMap<Value: Sendable>(
  _ count: Int, _ body: @Sendable (Int) throws -> Value
) throws -> [Value] {
  guard count > 1 else { return try (0..<count).map(body) }
  let slots = Mutex<[Result<Value, any Error>?]>(Array(repeating: nil, count: count))
  DispatchQueue.concurrentPerform(iterations: count) { index in
    let result = Result { try body(index) }
    slots.withLock { $0[index] = result }
  }
  return try slots.withLock { $0 }.map { result in
    guard let result else { preconditionFailure("concurrentMap: an iteration did not run") }
    return try result.get()
  }
}

// A signal source is not marked Sendable, though it may be used from any thread.
@unsafe @preconcurrency import Dispatch
import Glibc
public import Records
import Synchronization

/// A stage was asked to end in the middle of its work: what it had not handed over is dropped.
public struct Interrupted: Error {
  public init() {}
}

/// SIGINT and SIGTERM as a question that the runner asks between stages, and stages in the middle of
/// dear work: the first signal lets them drop the step and save, a second one leaves at once.
public final class Interruption: Sendable {
  private let received = Mutex<ExitStatus?>(nil)
  private let sources: [any DispatchSourceSignal]

  /// Takes the two signals over for the whole process. One that comes before the source listens ends
  /// the process as if nobody had asked.
  public init() {
    let queue = DispatchQueue(label: "temper.signals")
    let handled: [(Int32, ExitStatus)] = [(SIGINT, .interrupted), (SIGTERM, .terminated)]
    // A source installs a handler of its own once it listens. Until then the system's default holds: to
    // ignore the signal meanwhile would lose one that comes just then.
    sources = handled.map { number, _ in
      DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for (source, (_, status)) in zip(sources, handled) {
      source.setEventHandler { [weak self] in self?.receive(status) }
      source.resume()
    }
  }

  deinit { for source in sources { source.cancel() } }

  /// How the process was asked to end, if it was.
  public var status: ExitStatus? { received.withLock { $0 } }

  private func receive(_ status: ExitStatus) {
    let isSecond = received.withLock { known in
      defer { known = known ?? status }
      return known != nil
    }
    if isSecond { _exit(status.rawValue) }
  }
}

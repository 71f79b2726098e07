import Foundation
import Queue
import Records
import Synchronization

/// A run directory in the system's temporary folder, removed with the object.
final class TemporaryRun: Sendable {
  let folder: String
  var queueFolder: String { "\(folder)/queue" }
  var dataFile: String { "\(folder)/queue/data.mdb" }

  init() throws {
    folder = NSTemporaryDirectory() + "/queue-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit {
    do {
      try FileManager.default.removeItem(atPath: folder)
    } catch { print("left behind: \(folder)") }
  }

  /// A small map, so that tests see it grow.
  static var options: QueueOptions {
    var options = QueueOptions()
    options.mapSize = 1 << 20
    return options
  }

  func create(_ options: QueueOptions = TemporaryRun.options) throws -> Queue {
    try Queue.create(at: queueFolder, identity: "run 1", options: options)
  }

  func open(_ access: Queue.Access = .readWrite) throws -> Queue {
    try Queue.open(at: queueFolder, access: access, options: TemporaryRun.options)
  }
}

/// A seeded generator (SplitMix64), so that a failing case can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Bytes that do not compress.
  mutating func noise(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// A verdict such as a verifier writes for `group`.
func verdict(of group: UInt64, seconds: Double = 0) -> VerdictRecord {
  VerdictRecord(
    verdicts: (0..<4).map { rollout in
      let value = group &* 4 &+ UInt64(rollout)
      return Verdict(
        outcome: .scored(
          reward: value % 3 == 0 ? 1 : 0,
          components: [RewardComponent(name: "accuracy", value: value % 3 == 0 ? 1 : 0)]),
        extracted: "\(value &* 7919 % 10_007)", span: 10..<14, rule: "integer-equal")
    }, seconds: [seconds])
}

/// Runs `body` on `count` threads of their own (its calls block, which Swift's pool must not) and
/// gives what they found wrong, thrown errors among it.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> [String]) -> [String] {
  let done = DispatchSemaphore(value: 0)
  let box = FailureBox()
  for index in 0..<count {
    Thread.detachNewThread {
      do {
        box.add(try body(index))
      } catch { box.add(["thread \(index): \(error)"]) }
      done.signal()
    }
  }
  for _ in 0..<count { done.wait() }
  return box.all
}

private final class FailureBox: Sendable {
  private let failures = Mutex<[String]>([])
  var all: [String] { failures.withLock { $0 } }
  func add(_ found: [String]) { failures.withLock { $0 += found } }
}

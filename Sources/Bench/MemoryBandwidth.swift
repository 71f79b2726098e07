import Dispatch
import Synchronization

/// What memory gives, in GB/s (10^9 bytes), all threads at work on arrays too large for any cache.
public struct MemoryBandwidth: Codable, Sendable {
  /// Sums of one array.
  public let readGbPerSecond: Double
  /// `a[i] = b[i] + s · c[i]`, counted as three arrays; that `a` is read before it is written is not
  /// counted.
  public let triadGbPerSecond: Double

  /// Bytes of each array: several times the last-level cache's share of a few cores.
  private static let arrayBytes = 192 << 20

  init(threads: Int) {
    let count = Self.arrayBytes / MemoryLayout<SIMD16<Float>>.stride
    let (a, b, c) = (Lines(count), Lines(count), Lines(count))
    let bytes = Double(Self.arrayBytes)
    readGbPerSecond = bytes / 1e9 / Self.best(threads, count) { b.sum($0) }
    triadGbPerSecond = 3 * bytes / 1e9 / Self.best(threads, count) { a.triad(b, c, $0) }
  }

  /// Seconds of the fastest of several turns over `count` lines, cut among the threads.
  private static func best(
    _ threads: Int, _ count: Int, _ work: @Sendable (Range<Int>) -> Void
  ) -> Double {
    var times = Times()
    for _ in 0..<7 {
      let watch = Stopwatch()
      DispatchQueue.concurrentPerform(iterations: threads) { part in
        // Whole runs of four lines, which is how they are worked off.
        work(4 * (count / 4 * part / threads)..<4 * (count / 4 * (part + 1) / threads))
      }
      times.add(watch.elapsed)
    }
    return times.best
  }
}

/// An array of cache lines. Threads work on ranges that do not overlap, hence `@unchecked`.
@safe private final class Lines: @unchecked Sendable {
  private let lines: UnsafeMutableBufferPointer<SIMD16<Float>>
  /// Keeps sums from being left out.
  private let sink = Mutex<Float>(0)

  init(_ count: Int) {
    unsafe lines = .allocate(capacity: count)
    unsafe lines.initialize(repeating: SIMD16(repeating: 1e-3))
  }

  deinit { unsafe lines.deallocate() }

  /// - Precondition: the range's length is a multiple of 4.
  func sum(_ range: Range<Int>) {
    var (p, q, r, s) = (
      SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero
    )
    for index in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
      unsafe p += lines[index]
      unsafe q += lines[index + 1]
      unsafe r += lines[index + 2]
      unsafe s += lines[index + 3]
    }
    let total = (p + q + r + s).sum()
    if total.isNaN { sink.withLock { $0 = total } }
  }

  func triad(_ b: Lines, _ c: Lines, _ range: Range<Int>) {
    for index in range { unsafe lines[index] = b.lines[index] + 3 * c.lines[index] }
  }
}

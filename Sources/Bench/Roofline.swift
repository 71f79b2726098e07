import Dispatch

/// What this machine can do at most: OpenBLAS's products and the memory's bandwidth, each measured
/// when it is first asked for and remembered.
///
/// Nothing else may compute meanwhile. OpenBLAS's number of threads, which belongs to the process, is
/// what it was when a measurement returns.
public final class Roofline {
  let threads: Int
  private var rates: [Key: Double] = [:]
  private var measuredBandwidth: MemoryBandwidth?
  private var loaded: OpenBLAS?
  /// Why nothing is compared with OpenBLAS.
  public private(set) var problem: BenchError?

  /// - Parameter threads: that compute at once; at least 1.
  public init(threads: Int) {
    precondition(threads >= 1, "a roofline of \(threads) threads")
    self.threads = threads
  }

  public var bandwidth: MemoryBandwidth {
    if let measuredBandwidth { return measuredBandwidth }
    let bandwidth = MemoryBandwidth(threads: threads)
    measuredBandwidth = bandwidth
    return bandwidth
  }

  private struct Key: Hashable {
    var kind: Product.Kind
    var rows: Int
    var outputs: Int
    var inputs: Int
  }

  /// GFLOP/s of OpenBLAS in f32 at the product's shape: the best time of one call with all threads,
  /// and of as many calls with one thread each over parts of the result.
  ///
  /// Operands of more than ``operandFloats`` are measured on fewer rows: the rate does not rise any
  /// more there.
  func rate(of product: Product) -> Double? {
    let widest = max(product.outputs, product.inputs)
    let rows = min(product.rows, max(Self.operandFloats / widest, Self.leastRows))
    let key = Key(
      kind: product.kind, rows: rows, outputs: product.outputs, inputs: product.inputs)
    if let known = rates[key] { return known }
    guard let blas = blas() else { return nil }
    let flop = 2 * Double(rows) * Double(product.outputs) * Double(product.inputs)
    let call = BLASCall(
      blas, kind: product.kind, rows: rows, outputs: product.outputs, inputs: product.inputs)
    let before = blas.threads
    defer { blas.threads = before }
    blas.threads = threads
    var best = Self.best { call.run(part: 0, of: 1) }
    if threads > 1 {
      blas.threads = 1
      let threads = threads
      best = min(
        best,
        Self.best {
          DispatchQueue.concurrentPerform(iterations: threads) { call.run(part: $0, of: threads) }
        })
    }
    let rate = flop / best / 1e9
    rates[key] = rate
    return rate
  }

  /// nil where it is not installed, which is noted.
  private func blas() -> OpenBLAS? {
    if let loaded { return loaded }
    guard problem == nil else { return nil }
    do throws(BenchError) {
      let blas = try OpenBLAS()
      loaded = blas
      return blas
    } catch {
      problem = error
      return nil
    }
  }

  private static let operandFloats = 1 << 25
  private static let leastRows = 256

  /// The shortest of several calls: at least three, and until a tenth of a second has passed.
  private static func best(_ call: () -> Void) -> Double {
    call()
    var times = Times()
    let all = Stopwatch()
    while times.all.count < 3 || all.elapsed < 0.1 {
      let one = Stopwatch()
      call()
      times.add(one.elapsed)
    }
    return times.best
  }
}

/// Operands of a product with a weight, and calls of OpenBLAS on them.
/// Calls of several threads write parts of the result that do not overlap, hence `@unchecked`.
@safe private final class BLASCall: @unchecked Sendable {
  private let blas: OpenBLAS
  private let kind: Product.Kind
  private let rows: Int
  private let outputs: Int
  private let inputs: Int
  /// X `[rows, inputs]`, W `[outputs, inputs]`, Y `[rows, outputs]`; each product writes one of them.
  private let x: UnsafeMutableBufferPointer<Float>
  private let w: UnsafeMutableBufferPointer<Float>
  private let y: UnsafeMutableBufferPointer<Float>

  init(_ blas: OpenBLAS, kind: Product.Kind, rows: Int, outputs: Int, inputs: Int) {
    self.blas = blas
    self.kind = kind
    self.rows = rows
    self.outputs = outputs
    self.inputs = inputs
    unsafe x = Self.values(rows * inputs)
    unsafe w = Self.values(outputs * inputs)
    unsafe y = Self.values(rows * outputs)
  }

  deinit {
    unsafe x.deallocate()
    unsafe w.deallocate()
    unsafe y.deallocate()
  }

  /// Some numbers around 0, none of them tiny or large.
  private static func values(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    for index in 0..<count {
      unsafe values.initializeElement(at: index, to: Float(index % 17) / 8 - 1)
    }
    return unsafe values
  }

  /// Computes a part of the result: rows of Y and X, or rows of W where its gradient is computed.
  func run(part: Int, of parts: Int) {
    let all = kind == .weightGradient ? outputs : rows
    let first = all * part / parts
    let count = all * (part + 1) / parts - first
    guard count > 0 else { return }
    // The pointers hold what `init` allocated, and `first + count` lies inside the cut dimension.
    let (x, w, y) = unsafe (
      x.baseAddress.unsafelyUnwrapped, w.baseAddress.unsafelyUnwrapped,
      y.baseAddress.unsafelyUnwrapped
    )
    switch kind {
    case .forward:
      unsafe blas.multiply(
        .init(values: x + first * inputs, stride: inputs),
        .init(values: w, stride: inputs, isTransposed: true),
        into: .init(values: y + first * outputs, stride: outputs), rows: count, columns: outputs,
        depth: inputs)
    case .inputGradient:
      unsafe blas.multiply(
        .init(values: y + first * outputs, stride: outputs), .init(values: w, stride: inputs),
        into: .init(values: x + first * inputs, stride: inputs), rows: count, columns: inputs,
        depth: outputs)
    case .weightGradient:
      unsafe blas.multiply(
        .init(values: y + first, stride: outputs, isTransposed: true),
        .init(values: x, stride: inputs),
        into: .init(values: w + first * inputs, stride: inputs), rows: count, columns: inputs,
        depth: rows)
    }
  }
}

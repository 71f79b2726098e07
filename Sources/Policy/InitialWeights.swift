import Dispatch
import Randomness
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Random weights as Hugging Face initializes these architectures: normal with standard deviation
/// 0.02, norms 1, biases 0; the projections that write to the residual stream are scaled by
/// `1 / sqrt(2 L)` (GPT-2), so that its variance does not grow with depth.
///
/// Weight i is a function of (seed, i): Box and Muller's transform of a counter-based pair. So any
/// part can be made alone.
public struct InitialWeights: Sendable {
  private let tensors: [TensorShape]
  private let starts: [Int]
  private let layerCount: Int
  private let stream: RandomStream

  public init(_ configuration: ModelConfiguration, seed: UInt64) {
    tensors = configuration.parameters
    starts = SafetensorsWriter.offsets(of: tensors)
    layerCount = configuration.layerCount
    stream = RandomStream(seed: seed, purpose: .initialWeights)
  }

  /// Elements of a part that one thread makes.
  private static var part: Int { 1 << 17 }

  /// Elements `range` of tensor number `tensor` of the configuration's parameters, made by as many
  /// threads as there are cores.
  public func values(_ tensor: Int, _ range: Range<Int>) -> [Float] {
    let name = tensors[tensor].name
    if name.hasSuffix("norm.weight") { return [Float](repeating: 1, count: range.count) }
    if name.hasSuffix(".bias") { return [Float](repeating: 0, count: range.count) }
    let residual = name.hasSuffix("o_proj.weight") || name.hasSuffix("down_proj.weight")
    let deviation = residual ? 0.02 / Double(2 * layerCount).squareRoot() : 0.02
    let first = starts[tensor] + range.lowerBound
    let count = range.count
    let parts = Mutex([[Float]](repeating: [], count: (count + Self.part - 1) / Self.part))
    DispatchQueue.concurrentPerform(iterations: (count + Self.part - 1) / Self.part) { part in
      let begin = part * Self.part
      let values = (begin..<min(begin + Self.part, count)).map {
        let (u, v) = stream.uniformPair(UInt64(first + $0))
        return Float(deviation * (-2 * log(u)).squareRoot() * cos(2 * .pi * v))
      }
      parts.withLock { $0[part] = values }
    }
    return parts.withLock { $0.count == 1 ? $0[0] : Array($0.joined()) }
  }
}

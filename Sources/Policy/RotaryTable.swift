import Operators

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// RoPE's cosines and sines (arXiv 2104.09864), `[positions, d]`: d/2 cosines, then d/2 sines.
///
/// Angles, `position · inverseFrequencies[i]`, are computed in double and rounded once, as exact as
/// f32 can be.
struct RotaryTable {
  private let inverseFrequencies: [Double]
  private let compute: Compute
  private var positions = 0
  private(set) var tensor: Tensor

  init(_ configuration: ModelConfiguration, compute: Compute) {
    inverseFrequencies = configuration.inverseFrequencies
    self.compute = compute
    tensor = Tensor(count: 0, compute: compute)
  }

  /// Makes the table hold positions `0..<count`; it grows to powers of two.
  mutating func reserve(_ count: Int) {
    guard count > positions else { return }
    positions = max(128, 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount))
    var values: [Float] = []
    values.reserveCapacity(positions * 2 * inverseFrequencies.count)
    for position in 0..<positions {
      for frequency in inverseFrequencies {
        values.append(Float(cos(Double(position) * frequency)))
      }
      for frequency in inverseFrequencies {
        values.append(Float(sin(Double(position) * frequency)))
      }
    }
    tensor = Tensor(values, compute: compute)
  }
}

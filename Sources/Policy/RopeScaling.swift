#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How Llama 3.1 lengthens its context, rope type `llama3`: wavelengths that the original context
/// holds often stay, those longer than it are stretched, those between are interpolated.
///
/// Source: meta-llama/llama-models, `models/llama3/model.py`, `apply_scaling`.
public struct RopeScaling: Sendable, Equatable {
  /// What long wavelengths are stretched by.
  public var factor: Double
  /// Wavelengths above `originalPositions / lowFrequencyFactor` are stretched.
  public var lowFrequencyFactor: Double
  /// Wavelengths below `originalPositions / highFrequencyFactor` stay.
  public var highFrequencyFactor: Double
  /// Positions that the model was first trained for.
  public var originalPositions: Int

  public init(
    factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalPositions: Int
  ) {
    precondition(
      highFrequencyFactor > lowFrequencyFactor,
      "RopeScaling: \(lowFrequencyFactor) is not below \(highFrequencyFactor)")
    self.factor = factor
    self.lowFrequencyFactor = lowFrequencyFactor
    self.highFrequencyFactor = highFrequencyFactor
    self.originalPositions = originalPositions
  }

  /// The angle per position that `frequency` becomes.
  func scaled(_ frequency: Double) -> Double {
    let wavelength = 2 * Double.pi / frequency
    let original = Double(originalPositions)
    if wavelength < original / highFrequencyFactor { return frequency }
    if wavelength > original / lowFrequencyFactor { return frequency / factor }
    let share =
      (original / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
    return (1 - share) * frequency / factor + share * frequency
  }
}

extension ModelConfiguration {
  /// RoPE's angle per position for each of d/2 pairs: theta^(-2i/d), scaled where the model says so.
  public var inverseFrequencies: [Double] {
    (0..<headDimension / 2).map {
      let frequency = pow(ropeTheta, -2 * Double($0) / Double(headDimension))
      return ropeScaling?.scaled(frequency) ?? frequency
    }
  }
}

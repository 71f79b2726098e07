import Randomness

/// A low-rank adapter with its values: what a run with an adapter trains, and what a PEFT directory
/// holds.
public struct Adapter: Sendable, Equatable {
  /// The model that an adapter stands on.
  public struct Base: Sendable, Equatable {
    /// Where it was or how it is called: `base_model_name_or_path`. Says nothing of what it is.
    public var name: String?
    /// SHA-256 over its little-endian f32 tensors in the order of their names; nil where whoever wrote
    /// the adapter did not say.
    public var digest: [UInt8]?

    public init(name: String? = nil, digest: [UInt8]? = nil) {
      self.name = name
      self.digest = digest
    }
  }

  public var settings: AdapterSettings
  public var base: Base
  /// Flat, in the order of ``AdapterSettings/tensors(of:)``.
  public var values: [Float]

  public init(settings: AdapterSettings, base: Base, values: [Float]) {
    self.settings = settings
    self.base = base
    self.values = values
  }

  /// A new adapter as PEFT begins: A uniform in ±1/√in (Kaiming's uniform with a = √5), B zero, so that
  /// at first the model computes what its base computes.
  ///
  /// Value i is a function of (seed, i).
  public static func initial(
    _ settings: AdapterSettings, of model: ModelConfiguration, base: Base, seed: UInt64
  ) -> Adapter {
    let stream = RandomStream(seed: seed, purpose: .initialAdapter)
    var values: [Float] = []
    values.reserveCapacity(settings.count(of: model))
    for tensor in settings.tensors(of: model) {
      guard tensor.name.hasSuffix("lora_A.weight") else {
        values += [Float](repeating: 0, count: tensor.count)
        continue
      }
      let bound = 1 / Double(tensor.shape[1]).squareRoot()
      let first = values.count
      values += (0..<tensor.count).map {
        Float((2 * stream.uniform(UInt64(first + $0)) - 1) * bound)
      }
    }
    return Adapter(settings: settings, base: base, values: values)
  }
}

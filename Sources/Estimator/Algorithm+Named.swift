extension Algorithm {
  /// One parameter as a definition sets it.
  public struct Setting: Sendable, Equatable {
    /// As in ``keys``, for example `mask.clip_low`.
    public var key: String
    public var value: PartValue

    public init(_ key: String, _ value: PartValue) {
      self.key = key
      self.value = value
    }
  }

  /// The catalogue's algorithm `name`, with `settings` laid over it.
  ///
  /// - Parameters:
  ///   - form: where paper and released code differ, which; nil: the released one. An algorithm with
  ///     one form only has it under both names.
  ///   - settings: in any order; they act in the order of ``keys``.
  /// - Throws: `.unknownName` listing the known ones; `.badParameter` for a value out of range, two
  ///   that exclude one another, or one that no part of the algorithm reads: nothing is ignored.
  public static func named(
    _ name: String, form: Form? = nil, settings: [Setting] = []
  ) throws(EstimatorError) -> Algorithm {
    var algorithm = try CatalogEntry.find(name, form: form).build()
    let known = Set(keys.map(\.name))
    for setting in settings where !known.contains(setting.key) {
      throw .unknown("parameter of an algorithm", setting.key, known: keys.map(\.name))
    }
    for key in keys {
      guard let value = settings.last(where: { $0.key == key.name })?.value else { continue }
      // A part's kind is written before what belongs to it, so that this is the final composition
      // as far as the key can know it.
      if key.applies(algorithm) {
        try key.write(&algorithm, value)
      } else if !value.saysNothing {
        throw .parameter(
          key.name, "no part of \(name) as it is composed here reads it",
          remedy:
            "Leave it out (`null` where a definition inherits it), or choose the kind of part "
            + "that reads it.")
      }
    }
    let given = Set(settings.map(\.key))
    if given.contains("gate.threshold_share"), given.contains("gate.threshold_count") {
      throw .parameter(
        "gate", "threshold_share and threshold_count exclude one another",
        remedy: "Keep one of them.")
    }
    try algorithm.validate()
    return algorithm
  }

  /// The settings that write this algorithm out in full: those that some part of it reads.
  /// `named(custom, settings: settings)` is the algorithm again, but for its name.
  public var settings: [Setting] {
    Self.keys.compactMap { key in
      guard key.applies(self), let value = key.read(self) else { return nil }
      return Setting(key.name, value)
    }
  }
}

extension PartValue {
  /// Leaves an absent part as absent as it was: nothing is ignored by passing over it.
  fileprivate var saysNothing: Bool {
    self == .text("none") || self == .number(0) || self == .integer(0)
      || self == .flag(false)
  }
}

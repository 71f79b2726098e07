/// What other software calls a metric.
public struct MetricAlias: Sendable, Equatable {
  public enum System: String, Sendable, CaseIterable {
    case verl
    case trl
    /// The released code of HPT, which extends verl.
    case hpt
  }

  public let system: System
  public let name: String
  /// In what the two differ, though they answer one question; nil where they are the same.
  public let difference: String?

  static func verl(_ name: String, _ difference: String? = nil) -> MetricAlias {
    MetricAlias(system: .verl, name: name, difference: difference)
  }

  static func trl(_ name: String, _ difference: String? = nil) -> MetricAlias {
    MetricAlias(system: .trl, name: name, difference: difference)
  }

  static func hpt(_ name: String, _ difference: String? = nil) -> MetricAlias {
    MetricAlias(system: .hpt, name: name, difference: difference)
  }
}

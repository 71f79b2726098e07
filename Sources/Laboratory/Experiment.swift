public import Estimator

/// A question to the theory with an exact or reproducible answer.
///
/// Making the value runs the experiment; its properties are the measurements, its report what the
/// command prints of them.
public protocol Experiment: Sendable {
  /// As the command knows it.
  static var name: String { get }
  /// One line.
  static var summary: String { get }

  init(_ settings: LaboratorySettings) throws(EstimatorError)

  var report: LaboratoryReport { get }
}

/// What can be asked of the experiments.
public struct LaboratorySettings: Sendable, Equatable {
  /// Rollouts per group, where an experiment compares sizes; the others take the size they are
  /// made for.
  public var groupSizes: [Int]
  public var seed: UInt64

  /// - Throws: ``LaboratoryError`` for no size, or one outside 2...16: larger groups are too many to
  ///   be summed over.
  public init(groupSizes: [Int] = [2, 4, 8, 16], seed: UInt64 = 1) throws(LaboratoryError) {
    for size in groupSizes where !(2...16).contains(size) { throw .groupSize("\(size)") }
    guard !groupSizes.isEmpty else { throw .groupSize("none") }
    self.groupSizes = groupSizes
    self.seed = seed
  }
}

/// The experiments by name.
public enum Laboratory {
  public static let experiments: [any Experiment.Type] = [
    CommonObjective.self, BiasAndVariance.self, UniqueOptimum.self, RiskOfBundles.self,
    LengthBias.self, EntropyOverTraining.self, HybridAgainstMixtures.self,
  ]

  /// - Throws: ``LaboratoryError`` naming all that there are.
  public static func experiment(_ name: String) throws(LaboratoryError) -> any Experiment.Type {
    guard let found = experiments.first(where: { $0.name == name }) else {
      throw .unknown(name, known: experiments.map { $0.name })
    }
    return found
  }
}

extension Algorithm {
  /// An algorithm of the catalogue as the laboratory runs it: where an aggregation divides by a
  /// constant, that is the longest response of `space`.
  static func laboratory(
    _ name: String, _ form: Form? = nil, in space: TabularSpace
  ) throws(EstimatorError) -> Algorithm {
    var algorithm = try CatalogEntry.find(name, form: form).build()
    algorithm.divide(by: Double(space.longest))
    try algorithm.validate()
    return algorithm
  }

  private mutating func divide(by constant: Double) {
    if rollouts.aggregation.dividesByConstant { rollouts.aggregation.constant = constant }
    if offPolicy.aggregation.dividesByConstant { offPolicy.aggregation.constant = constant }
    if imitation.aggregation.dividesByConstant { imitation.aggregation.constant = constant }
    if entropy?.aggregation.dividesByConstant == true { entropy?.aggregation.constant = constant }
  }
}

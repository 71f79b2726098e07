/// A named algorithm in one of its forms: what `pipeline algorithms` lists.
public struct CatalogEntry: Sendable {
  public let name: String
  /// Nil: the algorithm has one form only.
  public let form: Algorithm.Form?
  /// One sentence.
  public let summary: String
  /// The loss to minimise.
  public let equation: String
  /// Where it comes from: a paper, a program.
  public let source: String
  private let make: @Sendable () -> Algorithm

  /// An algorithm with one form only.
  init(
    _ name: String, _ summary: String, equation: String, source: String,
    make: @escaping @Sendable () -> Algorithm
  ) {
    self.init(name, nil, summary, equation: equation, source: source, make: make)
  }

  init(
    _ name: String, _ form: Algorithm.Form?, _ summary: String, equation: String,
    source: String, make: @escaping @Sendable () -> Algorithm
  ) {
    self.name = name
    self.form = form
    self.summary = summary
    self.equation = equation
    self.source = source
    self.make = make
  }

  /// The algorithm under its catalogue name. An aggregation that divides by a constant has none yet:
  /// the definition gives it.
  public func build() -> Algorithm {
    var algorithm = make()
    algorithm.name = name
    algorithm.form = form ?? .released
    return algorithm
  }

  /// - Throws: `.unknownName`, listing the known ones.
  public static func find(
    _ name: String, form: Algorithm.Form?
  ) throws(EstimatorError) -> CatalogEntry {
    let entries = Algorithm.catalog.filter { $0.name == name }
    guard !entries.isEmpty else {
      throw .unknown("algorithm", name, known: Algorithm.names)
    }
    let wanted = form ?? .released
    guard let entry = entries.first(where: { $0.form == nil || $0.form == wanted }) else {
      throw .unknown(
        "form of \(name)", wanted.rawValue, known: entries.compactMap(\.form?.rawValue))
    }
    return entry
  }
}

extension Algorithm {
  /// Every algorithm in every form, in the order in which it is listed.
  public static let catalog: [CatalogEntry] =
    supervised + reinforceFamily + groupFamily + ratioFamily + filterFamily + riskFamily
    + preferenceFamily + mixedFamily + hybridFamily + [custom]

  /// The catalogue's names, each once.
  public static var names: [String] {
    var names: [String] = []
    for entry in catalog where !names.contains(entry.name) { names.append(entry.name) }
    return names
  }

  /// Where free composition begins: every part at its plainest.
  private static let custom = CatalogEntry(
    "custom", "Nothing but plain parts: the start of a composition of one's own.",
    equation: "L = −(1/T) Σ_i Σ_t R_i log π_t until parts are replaced", source: "this program"
  ) {
    Algorithm(
      name: "custom", advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(reference: .current, aggregation: .tokenMean))
  }
}

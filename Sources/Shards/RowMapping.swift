/// Which fields of foreign rows are what.
public struct RowMapping: Sendable, Equatable {
  /// Names of fields, or dotted paths into objects: `reward_model.ground_truth`.
  public var paths: [RowRole: String] = [:]
  let shape: RowShape

  init(shape: RowShape) { self.shape = shape }

  /// A mapping that someone gives for files of another shape.
  /// - Throws: `.settings` without a path for the prompt, or where two roles have one path.
  public init(_ paths: [RowRole: String]) throws(ShardError) {
    guard paths[.prompt] != nil else {
      throw .settings(
        "mapping", "no field is the prompt", "Name it, as in --map prompt=problem.")
    }
    guard Set(paths.values).count == paths.count else {
      throw .settings("mapping", "one field stands for two things", "Name each field once.")
    }
    shape = .map
    self.paths = paths
  }

  /// Whether a row without ground truth is bad. Pairs and conversations seldom have one.
  var needsAnswer: Bool {
    switch shape {
    case .verl, .hpt, .gsm8k, .questions: true
    case .map: paths[.answer] != nil
    case .temper, .preference, .trl, .math: false
    }
  }

  /// The mapping as a command line says it, in a fixed order.
  var arguments: [String] {
    RowRole.allCases.compactMap { role in
      paths[role].flatMap { path in role.name.map { "\($0)=\(path)" } }
    }
  }
}

import Definition
public import Estimator

/// Section `algorithm`: a named algorithm, and the parts that the definition replaces.
public struct AlgorithmSettings: Sendable, Equatable {
  public var algorithm: Algorithm
  public var name: String { algorithm.name }

  /// Whether some group may train on rollouts.
  public var needsRollouts: Bool { algorithm.gate.usesRollouts }

  /// The estimator's own table of parameters says what there is; here they only get their place.
  static let keys: [Key] =
    [
      Key(
        "algorithm.name", .choice(Algorithm.names),
        meaning: "The algorithm whose parts the other keys of this section replace."),
      Key(
        "algorithm.form", .choice(Algorithm.Form.allCases.map(\.rawValue)), default: .absent,
        meaning: "Where paper and released code differ: which. Default: released."),
    ]
    + Algorithm.keys.map { part in
      Key(
        "algorithm.\(part.name)", kind(part.kind), default: .absent,
        meaning: part.meaning + " Default: the named algorithm's own.")
    }

  private static func kind(_ kind: PartKey.Kind) -> Key.Kind {
    switch kind {
    case .number: .number(-Double.infinity ... .infinity)
    case .integer: .integer(-1...1_000_000_000)
    case .flag: .flag
    case .text: .text
    case .choice(let names): .choice(names)
    case .numbers: .list(of: .number(-Double.infinity ... .infinity))
    case .texts: .list(of: .text)
    }
  }

  init(_ definition: Definition) throws {
    let name = definition.text("algorithm.name")
    let form = definition.textIfSet("algorithm.form").flatMap(Algorithm.Form.init)
    do {
      algorithm = try Algorithm.named(name, form: form, settings: Self.settings(definition))
    } catch {
      let key = "algorithm.\(error.location)"
      let known = Self.keys.contains { $0.path == key }
      throw definition.error(
        at: known ? key : "algorithm.name",
        known ? error.problem : "\(error.location): \(error.problem)", remedy: error.remedy)
    }
    guard !algorithm.quantities.contains(.logProbabilityBehaviour) else {
      throw definition.error(
        at: "algorithm.name",
        "a term's reference is `behaviour`, and no dataset carries its authors' probabilities",
        remedy: "Choose `one` for demonstrations (with a shape, as LUFFY does).")
    }
  }

  private static func settings(_ definition: Definition) -> [Algorithm.Setting] {
    Algorithm.keys.compactMap { part in
      value(definition.value("algorithm.\(part.name)"), part.kind).map {
        Algorithm.Setting(part.name, $0)
      }
    }
  }

  /// Nil where the definition leaves the part as it is.
  private static func value(_ value: Value, _ kind: PartKey.Kind) -> PartValue? {
    switch value {
    case .flag(let flag): .flag(flag)
    case .integer(let integer): .integer(integer)
    case .number(let number): .number(number)
    case .text(let text): .text(text)
    case .list(let items):
      if kind == .texts {
        .texts(items.compactMap { if case .text(let text) = $0 { text } else { nil } })
      } else {
        .numbers(items.compactMap { if case .number(let number) = $0 { number } else { nil } })
      }
    case .absent, .table, .sections: nil
    }
  }
}

extension Algorithm {
  /// The part of a definition that writes this algorithm out in full, as lines of YAML.
  public func yaml() -> String {
    var tree = YAMLTree()
    tree.set("name", Value.text("custom").inline)
    for key in Self.keys where key.applies(self) {
      if let value = key.read(self) {
        tree.set(key.name, Self.value(value).inline)
      } else if key.name.hasSuffix("aggregation.constant") {
        tree.set(key.name, "null  # give it: the longest response that the definition allows")
      }
    }
    return "# \(name), form \(form.rawValue), part by part\nalgorithm:\n" + tree.lines(indent: 2)
  }

  private static func value(_ value: PartValue) -> Value {
    switch value {
    case .number(let number): .number(number)
    case .integer(let integer): .integer(integer)
    case .flag(let flag): .flag(flag)
    case .text(let text): .text(text)
    case .numbers(let numbers): .list(numbers.map(Value.number))
    case .texts(let texts): .list(texts.map(Value.text))
    }
  }
}

/// Dotted paths as nested maps, in the order in which they were set.
private struct YAMLTree {
  private var names: [String] = []
  private var leaves: [String: String] = [:]
  private var branches: [String: YAMLTree] = [:]

  mutating func set(_ path: String, _ value: String) {
    let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
    if !names.contains(parts[0]) { names.append(parts[0]) }
    if parts.count == 1 {
      leaves[parts[0]] = value
    } else {
      branches[parts[0], default: YAMLTree()].set(parts[1], value)
    }
  }

  func lines(indent: Int) -> String {
    let space = String(repeating: " ", count: indent)
    return names.map { name in
      if let leaf = leaves[name] { return "\(space)\(name): \(leaf)\n" }
      return "\(space)\(name):\n" + (branches[name]?.lines(indent: indent + 2) ?? "")
    }.joined()
  }
}

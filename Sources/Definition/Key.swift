/// One key of a definition: its place, its type and range, its default, and what it means.
public struct Key: Sendable {
  /// Whether a run may change the key's value after its creation.
  public enum Role: String, Sendable {
    /// Another value is another run: `resume` refuses the change and names the key.
    case identity
    /// Steps, intervals, threads, retention: `resume` accepts the change and records it.
    case operational
  }

  /// What a key's value may be.
  public indirect enum Kind: Sendable {
    case integer(ClosedRange<Int>)
    /// Finite. A lower bound of `Double.leastNonzeroMagnitude` reads "above 0"; an infinite bound is none.
    case number(ClosedRange<Double>)
    case flag
    case text
    case choice([String])
    /// Of scalars; another file or flag replaces it whole.
    case list(of: Kind)
    /// A map with free names and scalar values; replaced whole.
    case table(of: Kind)
    /// A list of maps with keys of their own (their paths are relative); replaced whole.
    case sections([Key])
    /// A name, or a list of maps as in `sections`. May stand in a table.
    case nameOrSections([Key])

    /// The keys of the maps in this kind's lists.
    var itemKeys: [Key]? {
      switch self {
      case .sections(let keys), .nameOrSections(let keys): keys
      case .table(let kind): kind.itemKeys
      default: nil
      }
    }
  }

  /// Components in snake_case, joined by dots: `rollout.temperature`.
  public let path: String
  public let kind: Kind
  /// `nil`: the definition must say.
  public let standard: Value?
  /// Whether `null` is a value of this key.
  public let optional: Bool
  public let role: Role
  /// One or two sentences.
  public let meaning: String
  public let unit: String?
  /// The value must be a reference to the environment, `${NAME}`, so that no file of a run holds it.
  public let secret: Bool

  /// - Parameters:
  ///   - standard: the default; `nil` makes the key required, `.absent` makes it optional.
  ///   - optional: `null` is accepted although the default is something else.
  public init(
    _ path: String, _ kind: Kind, default standard: Value? = nil, optional: Bool = false,
    role: Role = .identity, unit: String? = nil, secret: Bool = false, meaning: String
  ) {
    self.path = path
    self.kind = kind
    self.standard = standard
    self.optional = optional || standard == .absent
    self.role = role
    self.meaning = meaning
    self.unit = unit
    self.secret = secret
  }
}

extension Key.Kind {
  /// As an error says it: "must be …".
  var expectation: String {
    switch self {
    case .integer(let range):
      switch (range.lowerBound == .min, range.upperBound == .max) {
      case (true, true): "an integer"
      case (false, true): "an integer of at least \(range.lowerBound)"
      case (true, false): "an integer of at most \(range.upperBound)"
      case (false, false): "an integer from \(range.lowerBound) to \(range.upperBound)"
      }
    case .number(let range):
      "a number" + bounds(of: range)
    case .flag: "true or false"
    case .text: "text"
    case .choice(let names): "one of " + names.joined(separator: ", ")
    case .list(let kind): "a list, each item \(kind.expectation)"
    case .table(let kind): "a map from names, each value \(kind.expectation)"
    case .sections(let keys):
      "a list of maps with the keys \(keys.map(\.path).joined(separator: ", "))"
    case .nameOrSections: "a name, or a list of maps"
    }
  }

  private func bounds(of range: ClosedRange<Double>) -> String {
    let low = range.lowerBound
    let lower =
      low == .leastNonzeroMagnitude ? " above 0" : low == -.infinity ? "" : " of at least \(low)"
    if range.upperBound == .infinity { return lower }
    if low == -.infinity { return " of at most \(range.upperBound)" }
    return low == .leastNonzeroMagnitude
      ? " above 0 and at most \(range.upperBound)" : " from \(low) to \(range.upperBound)"
  }
}

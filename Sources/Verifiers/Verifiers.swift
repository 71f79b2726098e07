/// The built-in verifiers by name.
public enum Verifiers {
  /// All that need no parameter, in alphabetical order of their names.
  public static let all: [any Verifier] = VerifierEntry.all.compactMap(\.plain)

  /// The names that definitions may use alone.
  public static let names = all.map(\.name)

  /// The verifier of that name without parameters, if there is one.
  public static func named(_ name: String) -> (any Verifier)? {
    all.first { $0.name == name }
  }

  /// What a part that shapes rewards by single responses gives one of them; nil where it reads token ids
  /// and there are none.
  public static func value(
    of part: VerifierPart, for response: Response, accuracy: Double
  ) throws(VerifierError) -> Double? {
    guard case .shape(let shape) = try make(part, VerifierContext()) else {
      throw VerifierError(
        "name", "\(part.name) shapes no reward by one response alone",
        remedy: "Name a part that does.")
    }
    return shape.value(of: JudgedResponse(response, accuracy: accuracy))
  }
}

/// Everything that a run is told: a value for every key of the schema, and where each was said.
public struct Definition: Settings, Sendable {
  /// The file's base name, unless `name:` says another.
  public let name: String
  /// The path that was resolved.
  public let source: String
  let root: Section

  public var schema: Schema { root.schema }

  public func value(_ path: String) -> Value { root.value(path) }

  /// Where a value was said, for errors of whoever finds that it does not fit the others.
  public func origin(_ path: String) -> Origin { root.origin(path) }

  /// An error at the place where `path` was said.
  public func error(
    at path: String, _ problem: String, remedy: String
  ) -> DefinitionError {
    let origin = origin(path)
    let place = origin == .schema ? Origin.path(source) : origin
    return DefinitionError(.wrongValue, at: place, "\(path): \(problem)", remedy: remedy)
  }

  /// What a secret key refers to in the environment; `nil` where the key is `null`. The definition
  /// itself only ever holds the reference.
  public func secret(
    _ path: String, environment: [String: String]
  ) throws(DefinitionError) -> String? {
    precondition(schema.table[path]?.secret == true, "\(path) is not secret")
    guard let text = textIfSet(path), let variable = Key.reference(in: text) else { return nil }
    guard let value = environment[variable], !value.isEmpty else {
      throw DefinitionError(
        .secretUnset, at: origin(path), "\(path) refers to \(variable), which is not set",
        remedy: "Set \(variable) in the environment.")
    }
    return value
  }
}

extension Definition: Equatable {
  /// Equal names and values; where they were said does not matter.
  public static func == (a: Definition, b: Definition) -> Bool {
    a.name == b.name && a.root == b.root
  }
}

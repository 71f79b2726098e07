import Definition
import Verifiers

/// Section `verifier`: who judges the rollouts.
public struct VerifierSettings: Sendable, Equatable {
  public var standard: String
  public var bySource: [String: String]

  static let keys: [Key] = [
    Key(
      "verifier.default", .text, default: .text("final_number"),
      meaning: "Verifier of every source that verifier.sources does not name."),
    Key(
      "verifier.sources", .table(of: .text), default: .table([:]),
      meaning: "Verifier by the prompts' source."),
  ]

  init(_ definition: Definition) {
    standard = definition.text("verifier.default")
    bySource = [:]
    for (source, value) in definition.table("verifier.sources") {
      if case .text(let verifier) = value { bySource[source] = verifier }
    }
  }

  /// - Throws: for a name that no verifier has.
  func makeTable() throws -> VerifierTable {
    VerifierTable(
      standard: try verifier(standard, "verifier.default"),
      bySource: Dictionary(
        uniqueKeysWithValues: try bySource.map {
          ($0.key, try verifier($0.value, "verifier.sources.\($0.key)"))
        }))
  }

  private func verifier(_ name: String, _ key: String) throws -> any Verifier {
    guard let verifier = Verifiers.named(name) else {
      let known = Verifiers.all.map(\.name).joined(separator: ", ")
      throw StageError(
        .badRun, at: key, "there is no verifier \(name)", remedy: "Use one of \(known).")
    }
    return verifier
  }
}

public import Definition
import Verifiers

/// Section `verifier`: who judges the rollouts.
public struct VerifierSettings: Sendable, Equatable {
  public var standard: VerifierSpelling
  public var bySource: [String: VerifierSpelling]

  /// Also the keys by which a suite of an evaluation says who judges.
  public static let keys: [Key] = [
    Key(
      "verifier.default", VerifierSpelling.kind, default: .text("final_number"),
      meaning:
        "Verifier of every source that verifier.sources does not name: its name, or the parts "
        + "of its reward, each a map with name, weight and parameters."),
    Key(
      "verifier.sources", .table(of: VerifierSpelling.kind), default: .table([:]),
      meaning: "Verifier by the prompts' source, spelled as verifier.default."),
  ]

  public init(_ definition: Definition) {
    standard = VerifierSpelling(
      definition.value("verifier.default"), path: "verifier.default",
      origin: definition.origin("verifier.default"))
    bySource = [:]
    for (source, value) in definition.table("verifier.sources") {
      bySource[source] = VerifierSpelling(
        value, path: "verifier.sources.\(source)", origin: definition.origin("verifier.sources"))
    }
  }

  /// - Parameters:
  ///   - maximumTokens: of a response: the limit of parts that reward lengths and name none.
  ///   - folder: of the run or evaluation, where replies that were paid for are kept.
  /// - Throws: for what no verifier is, with its place.
  public func makeTable(
    maximumTokens: Int, folder: String? = nil
  ) throws(DefinitionError) -> VerifierTable {
    let context = VerifierContext(maximumTokens: maximumTokens, folder: folder)
    var table: [String: any Verifier] = [:]
    for (source, spelling) in bySource { table[source] = try spelling.makeVerifier(context) }
    return VerifierTable(standard: try standard.makeVerifier(context), bySource: table)
  }
}

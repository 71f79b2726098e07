public import Definition
public import Verifiers

/// Which verifier judges which source.
public struct VerifierTable: Sendable, CustomStringConvertible {
  private let standard: any Verifier
  private let bySource: [String: any Verifier]

  private var all: [any Verifier] { [standard] + bySource.sorted { $0.key < $1.key }.map(\.value) }

  public init(standard: any Verifier, bySource: [String: any Verifier]) {
    self.standard = standard
    self.bySource = bySource
  }

  /// Those of a definition, of which nothing else is read but rollout.maximum_tokens.
  /// - Throws: for what no verifier is, with its place.
  public init(_ definition: Definition) throws(DefinitionError) {
    self = try VerifierSettings(definition).makeTable(
      maximumTokens: definition.integer("rollout.maximum_tokens"))
  }

  /// Looks for what the verifiers need; to be called before they are asked.
  public func prepare() throws { for verifier in all { try verifier.prepare() } }

  /// What verdicts depend on beside the definition; to be asked for when prepared.
  public var fingerprints: [String] { all.compactMap(\.fingerprint) }

  /// Who asks something outside, or a model: by name.
  public var asking: [String] { all.filter { $0.asking != .inTurn }.map(\.name) }

  /// What was paid for, in words.
  public var spent: [String] { all.compactMap(\.spent) }

  /// How many responses the one that asks most is asked of at once; nil where all compute.
  var atOnce: Int? {
    all.compactMap {
      switch $0.asking {
      case .inTurn: nil
      case .atOnce(let count): count
      case .together: 1
      }
    }.max()
  }

  public func verifier(for source: String) -> any Verifier { bySource[source] ?? standard }

  /// Who judges, each with its version: `gsm8k 1, countdown: countdown 2`.
  public var description: String {
    ([standard.signature]
      + bySource.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.signature)" })
      .joined(separator: ", ")
  }
}

extension Verifier {
  fileprivate var signature: String {
    "\(name) \(version)" + (fingerprint.map { " \($0)" } ?? "")
  }
}

import Foundation
import Records
import Testing
import Verifiers

/// Cases of an independent collection; see its README for where each came from.
@Suite struct GoldenVerifierTests {
  private static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/golden/verifier")

  private static let exists = FileManager.default.fileExists(atPath: folder.path)

  private struct Case: Decodable {
    enum Part: Decodable {
      case text(String)
      case times(Int)

      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        do { self = .text(try value.decode(String.self)) } catch DecodingError.typeMismatch {
          self = .times(try value.decode(Int.self))
        }
      }
    }

    var id: String
    var kind: String?
    var mode: String?
    var gold: String
    var prediction: String?
    var parts: [[Part]]?
    var expected: Bool?

    enum CodingKeys: String, CodingKey {
      case id
      case kind
      case mode
      case gold
      case prediction
      case parts = "prediction_parts"
      case expected
    }

    var response: String {
      if let prediction { return prediction }
      return (parts ?? []).map { part in
        guard part.count == 2, case .text(let text) = part[0], case .times(let times) = part[1]
        else { return "" }
        return String(repeating: text, count: times)
      }.joined()
    }
  }

  /// Why a verdict is not the expected one. Apart from the loops over cases, as Swift 6.3.1 crashes
  /// in CopyPropagation when `Verdict.reward` is inlined there.
  @inline(never)
  private static func complaint(_ found: Verdict, _ one: Case) -> String? {
    guard let expected = one.expected else { return nil }
    let fits = found.reward == (expected ? 1 : 0) && spanFits(found, one.response)
    return fits ? nil : "\(one.id): \(found.rule)"
  }

  private static func cases(_ file: String) throws -> [Case] {
    let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
    return try text.split(separator: "\n").map {
      try JSONDecoder().decode(Case.self, from: Data($0.utf8))
    }
  }

  // skipped: needs ../shared/golden/verifier
  @Test(.enabled(if: exists, "skipped: needs ../shared/golden/verifier"))
  func gsm8kAgrees() throws {
    let verifiers: [String: FinalNumberVerifier] = [
      "strict": FinalNumberVerifier(rules: [.marker]),
      "flexible": FinalNumberVerifier(rules: [.lastNumber]),
      "A:": FinalNumberVerifier(rules: [.answerLine]),
    ]
    let cases = try Self.cases("gsm8k.jsonl")
    var failures: [String] = []
    for one in cases {
      let verifier = try #require(verifiers[one.mode ?? ""])
      let found = verdict(verifier, one.response, one.gold)
      if let complaint = Self.complaint(found, one) { failures.append(complaint) }
    }
    #expect(cases.count == 74)
    #expect(failures.isEmpty, "\(failures)")
  }

  // skipped: needs ../shared/golden/verifier
  @Test(.enabled(if: exists, "skipped: needs ../shared/golden/verifier"))
  func hostileCasesAreDecided() throws {
    let verifiers: [String: any Verifier] = [
      "gsm8k": FinalNumberVerifier(rules: [.marker]), "countdown": CountdownVerifier(),
    ]
    var failures: [String] = []
    var decided = 0
    // The other kinds of the file are for verifiers that are not here; ours must survive them too.
    for one in try Self.cases("adversarial.jsonl") {
      for (kind, verifier) in verifiers.sorted(by: { $0.key < $1.key }) {
        let found = verdict(verifier, one.response, one.gold)
        guard kind == one.kind else { continue }
        decided += 1
        if let complaint = Self.complaint(found, one) { failures.append(complaint) }
      }
    }
    #expect(decided == 19)
    #expect(failures.isEmpty, "\(failures)")
  }
}

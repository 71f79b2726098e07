import Preparation
import Records
import Shards
import Stages
import Testing
import Verifiers

@Suite struct ExaminerTests {
  @Test func rowsThatNoVerifierCanUseAreFound() throws {
    var examiner = VerifiedRows(VerifierTable(standard: MathVerifier(), bySource: [:]))
    func kinds(_ row: Prompt) -> [String] {
      examiner.examine(row, 0).map(\.kind.rawValue)
    }
    #expect(kinds(row("x", truth: "1/2", demonstrations: ["So \\boxed{0.5}."])).isEmpty)
    #expect(
      kinds(row("x", truth: "1/2", demonstrations: ["So \\boxed{2}.", "\\boxed{\\frac12}"]))
        == ["unaccepted_demonstration"])
    #expect(kinds(row("x", truth: "")) == ["unverifiable"])
    #expect(kinds(row("x", truth: "", demonstrations: ["a", "b"])) == ["unverifiable"])
    #expect(kinds(row("x", truth: "42")).isEmpty)
  }
}

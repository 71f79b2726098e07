import Records
import Testing
import Verifiers

@Suite struct RegistryTests {
  @Test func namesAreUniqueAndFindTheirVerifier() {
    #expect(Set(Verifiers.names).count == Verifiers.names.count)
    for name in Verifiers.names { #expect(Verifiers.named(name)?.name == name) }
    #expect(Verifiers.names == ["countdown", "exact", "final_number", "final_number_strict"])
    #expect(Verifiers.named("nonsense") == nil)
  }

  @Test func exactComparesAllButOuterBlanks() {
    let exact = ExactVerifier()
    #expect(verdict(exact, " yes\n", "yes").reward == 1)
    #expect(verdict(exact, "because\n#### yes ", "yes").rule == "marker-equal")
    #expect(verdict(exact, "Yes", "yes").rule == "whole-differs")
    #expect(verdict(exact, "yes", "yes", finish: .length).rule == "whole-cut")
    #expect(verdict(exact, "", "yes").reward == 0)
    #expect(verdict(exact, "yes", " ").reward == nil)
  }
}

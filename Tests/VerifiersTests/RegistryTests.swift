import Records
import Testing
import Verifiers

@Suite struct RegistryTests {
  @Test func namesAreUniqueAndFindTheirVerifier() {
    #expect(Set(VerifierEntry.all.map(\.name)).count == VerifierEntry.all.count)
    for name in Verifiers.names { #expect(Verifiers.named(name)?.name == name) }
    #expect(
      Set(Verifiers.names).isSuperset(of: [
        "choice", "countdown", "exact", "final_number", "final_number_strict", "gsm8k",
        "json-schema", "math", "regex",
      ]))
    #expect(Verifiers.named("nonsense") == nil)
  }

  @Test func parametersHaveOneMeaningAndSomebodyTakesThem() {
    let names = VerifierParameter.all.map(\.name)
    #expect(Set(names).count == names.count)
    let taken = VerifierEntry.all.flatMap(\.parameters)
    #expect(Set(taken) == Set(names))
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

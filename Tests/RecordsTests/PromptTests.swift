import Foundation
import Records
import Testing

@Suite struct PromptTests {
  private func prompt(_ rest: String) throws -> Prompt {
    let row = #"{"id": "a", "prompt": "1 + 1 =", \#(rest)}"#
    return try JSONDecoder().decode(Prompt.self, from: Data(row.utf8))
  }

  @Test func aPreferencePairIsADemonstrationAndWhatItIsPreferredTo() throws {
    let pair = try prompt(#""chosen": "2", "rejected": "3""#)
    #expect(pair.demonstrations == ["2"] && pair.rejected == ["3"])
    let several = try prompt(#""demonstrations": ["2", "two"], "rejected": ["3", "4"]"#)
    #expect(several.demonstrations == ["2", "two"] && several.rejected == ["3", "4"])
    #expect(try prompt(#""source": "s""#).rejected.isEmpty)
  }

  @Test func aPairThatIsNoTextIsRefusedAtItsField() throws {
    let error = #expect(throws: DecodingError.self) { try prompt(#""rejected": 7"#) }
    #expect("\(error!)".contains("rejected"))
  }
}

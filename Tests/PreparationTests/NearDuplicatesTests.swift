import Preparation
import Records
import Shards
import Testing

@Suite struct NearDuplicatesTests {
  /// Which rows resemble an earlier one.
  private func found(_ prompts: [String], threshold: Double = 0.8) throws -> [Int] {
    let rows = Rows(all: prompts.map { row($0) })
    var examiner = NearDuplicates(in: rows, threshold: threshold)
    return try prompts.indices.filter { try !examiner.examine(rows.all[$0], $0).isEmpty }
  }

  private static let story =
    "Maria buys six boxes with a dozen eggs each, breaks nine of them on the way home and sells the "
    + "rest to her neighbours for thirty cents apiece before lunch on Sunday. How much does she earn?"

  @Test func whiteSpaceCaseAndPunctuationDoNotMatter() throws {
    #expect(
      try found([
        Self.story, "Something else altogether, with words of its own.",
        Self.story.uppercased().replacing(" ", with: "  ").replacing(",", with: ";"),
      ]) == [2])
  }

  @Test func oneOtherWordAmongManyIsNear_manyAreNot() throws {
    #expect(try found([Self.story, Self.story.replacing("Sunday", with: "Monday")]) == [1])
    let other = Self.story.replacing("eggs", with: "rolls").replacing("nine", with: "two")
      .replacing("thirty", with: "ten").replacing("boxes", with: "bags")
    #expect(try found([Self.story, other]).isEmpty)
    #expect(try found([Self.story, other], threshold: 0.4) == [1])
  }

  /// What mathematics is made of is no punctuation.
  @Test(arguments: [("2 + 3", "2 - 3"), ("1.5", "15"), ("x < 1", "x > 1"), ("$2^3$", "$2_3$ a")])
  func signsAreWords(_ a: String, _ b: String) throws {
    #expect(try found([a, b]).isEmpty)
  }

  @Test func spellingsOfANumberAreOne() throws {
    #expect(try found(["1,000 apples", "1000 apples!"]) == [1])
    #expect(try found(["a well-known fact", "a well known fact"]) == [1])
    #expect(try found(["", "  ", "?!"]).isEmpty, "what has no words resembles nothing")
  }

  /// A template that all rows follow must neither take all day nor be taken for one question.
  @Test func rowsOfOneTemplateAreCheapAndDiffer() throws {
    let prompts = (0..<2000).map { "Add \($0 * 7919 % 10007) and \($0 * 104_729 % 10009) quickly" }
    #expect(try found(prompts).isEmpty)
  }
}

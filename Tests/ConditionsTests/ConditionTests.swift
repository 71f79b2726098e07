import Conditions
import Testing

@Suite struct ConditionTests {
  private let kinds: [String: Condition.Kind] = [
    "reward": .number, "length": .number, "reason": .text, "tag.level": .either, "id": .text,
  ]

  private func condition(_ text: String) throws -> Condition {
    try Condition(text, names: kinds.keys.sorted()) { kinds[$0] }
  }

  private func holds(_ text: String, _ values: [String: Condition.Value]) throws -> Bool {
    try condition(text).holds { values[$0] }
  }

  private let row: [String: Condition.Value] = [
    "reward": .number(1), "length": .number(420), "reason": .text("Fallback: box"),
    "tag.level": .text("10"), "id": .text("007"),
  ]

  @Test(arguments: [
    ("reward=1 and length>400", true), ("reward = 1 and length > 420", false),
    ("reward==1 and not length<400", true), ("reward!=1 or length>=420", true),
    ("reason ~ fallback", true), ("reason !~ 'box'", false), ("reason=\"Fallback: box\"", true),
    ("reason = 'fallback: box'", false),
    // and binds more than or.
    ("reward=0 and length=0 or length=420", true), ("reward=0 and (length=0 or length=420)", false),
    // A tag that is a number is compared as one, an id as the text that it is.
    ("tag.level > 9", true), ("tag.level in (1, 10)", true), ("id = 007", true), ("id = 7", false),
    ("tag.level", true), ("not tag.level", false), ("reward in (-1, 1e0)", true),
  ])
  func rows(_ text: String, _ expected: Bool) throws {
    #expect(try holds(text, row) == expected)
  }

  /// Whoever asks for wrong answers must not be shown groups without a verdict.
  @Test func whatHasNoValueIsNeitherEqualNorUnequal() throws {
    #expect(try !holds("reward = 0", [:]) && !holds("reward != 0", [:]))
    #expect(try !holds("reason !~ a", [:]) && !holds("reward in (0, 1)", [:]))
    #expect(try !holds("reward", [:]) && holds("not reward = 0", [:]))
  }

  @Test func theFieldsThatAreAskedForAreKnown() throws {
    #expect(
      try condition("reward=1 or not (reason or length<2)").fields == [
        "reward", "reason", "length",
      ]
    )
  }

  @Test(arguments: [
    ("rewrad=1", 0, "no field rewrad"), ("reward=1 and", 12, "a field must stand here"),
    ("reward=1 lenght=2", 9, "belongs to nothing"), ("reward=high", 7, "is a number"),
    ("(reward=1", 9, "closing bracket"), ("reward ~ 1", 7, "contains nothing"),
    ("reward=", 7, "a value must stand here"), ("reason='a", 7, "not closed"),
    ("reward ! 1", 7, "compares nothing"), ("reward in 1", 10, "a list must follow"),
    ("reward in (1", 12, "the list is not closed"), ("reward = 1 ; drop", 11, "means nothing here"),
    ("", 0, "a field must stand here"), ("ä🙂=1", 1, "means nothing here"),
  ])
  func errorsPointAtTheCharacter(_ text: String, _ offset: Int, _ problem: String) {
    let error = #expect(throws: ConditionError.self) { try condition(text) }
    #expect(error?.offset == offset && error?.problem.contains(problem) == true, "\(error as Any)")
    #expect(error?.problem.hasPrefix("character \(offset + 1): ") == true)
    #expect(error?.problem.contains("▸" + text.dropFirst(offset)) == true)
  }

  @Test func accidentsAreRefused() {
    let deep = String(repeating: "(", count: 1000) + "reward=1"
    #expect(throws: ConditionError.self) { try condition(deep) }
    #expect(throws: ConditionError.self) { try condition(String(repeating: "a", count: 20_000)) }
  }
}

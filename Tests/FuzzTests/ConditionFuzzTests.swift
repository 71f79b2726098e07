import Conditions
import Inspector
import Records
import Testing

/// Conditions as they are typed after `--where`, and as pages send them.
@Suite struct ConditionFuzzTests {
  @Test func conditionsOnGroups() {
    let corpus = [
      "reward = 1 and length > 40 and reason = fallback and step >= 120",
      "not (source ~ 'add' or level in (1, 2, \"3\")) and text !~ \"why\"",
      "accuracy", "fate != dropped or drop", "question = q-17 and not trains = no",
    ].map { Array($0.utf8) }
    let words =
      GroupField.allCases.map(\.rawValue) + [
        "and", "or", "not", "in", "(", ")", "=", "!=", "<=", "~", "!~", ",", "'", "\"", "1e309",
        "-0",
        "\u{202E}", "((((", " ",
      ]
    let values: [GroupField: Condition.Value] = [
      .reward: .number(1), .length: .number(41), .reason: .text("fallback"), .step: .number(130),
      .source: .text("addition"), .level: .text("2"), .text: .text("Why not?"),
      .fate: .text("mixed"),
    ]
    Fuzzing.expectSound(
      FuzzTarget(name: "conditions", corpus: corpus, words: words) { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        let condition: Condition
        do throws(ConditionError) { condition = try Condition(onGroups: text) } catch {
          guard (0...text.count).contains(error.offset) else {
            throw BrokenPromise(what: "an error that points outside")
          }
          throw error
        }
        func holds(_ condition: Condition) -> Bool {
          condition.holds { GroupField.named($0).flatMap { values[$0] } }
        }
        guard condition.fields.allSatisfy({ GroupField.named($0) != nil }) else {
          throw BrokenPromise(what: "a field that is none")
        }
        // Turned around it says the opposite, unless that is one level too many.
        guard let other = try? Condition(onGroups: "not (\(text))") else { return }
        guard holds(condition) != holds(other) else { throw BrokenPromise(what: "no opposite") }
      })
  }
}

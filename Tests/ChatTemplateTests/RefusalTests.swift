import ChatTemplate
import Foundation
import Records
import Testing

/// What is not done, what is wrong and what is too much is refused by name and line.
@Suite struct RefusalTests {
  private static func error(
    _ source: String, _ messages: [Message] = []
  ) -> ChatTemplateError? {
    do {
      _ = try ChatTemplate(source).render(
        messages, addGenerationPrompt: true, date: JinjaTests.date)
      return nil
    } catch { return error }
  }

  @Test func theConstructAndItsLineAreNamed() throws {
    let cases: [(source: String, code: ChatTemplateError.Code, line: Int, named: String)] = [
      ("\n\n{% include 'x' %}", .unsupported, 3, "`include`"),
      ("{% block a %}{% endblock %}", .unsupported, 1, "`block`"),
      ("\n{{ messages | xmlattr }}", .unsupported, 2, "`xmlattr`"),
      ("{{ 1 is prime }}", .unsupported, 1, "`prime`"),
      ("{% for a in b recursive %}{% endfor %}", .unsupported, 1, "`recursive`"),
      ("x\n{{ 'a'.encode() }}", .unsupported, 2, "`encode`"),
      ("{{ messages.append(1) }}", .unsupported, 1, "`append`"),
      ("{{ 1 << 2 }}", .malformed, 1, "`<`"), ("{% fnord %}", .malformed, 1, "`fnord`"),
      ("a\n{% if 1 %}b", .malformed, 2, "`endif`"), ("{% endif %}", .malformed, 1, "`endif`"),
      ("{{ (1 }}", .malformed, 1, "where `)` must"), ("{{ 1) }}", .malformed, 1, "nothing"),
      ("{{ (1", .malformed, 1, "a tag has no end"), ("{{ 'a }}", .malformed, 1, "string"),
      ("{# x", .malformed, 1, "comment"), ("{% break %}", .unsupported, 1, "`break`"),
      ("{{ nobody.name }}", .conversation, 1, "`nobody`"),
      ("\n{{ messages[0].role }}", .conversation, 2, "undefined"),
      ("{{ 1 + 'a' }}", .conversation, 1, "an integer and a string"),
      ("\n{{ raise_exception('no ' ~ messages) }}", .conversation, 2, "no …"),
    ]
    var wrong: [String] = []
    for (source, code, line, named) in cases {
      guard let error = Self.error(source) else {
        wrong.append("\(source) is accepted")
        continue
      }
      if error.code != code || error.location != "chat_template.jinja:\(line)"
        || !error.problem.contains(named)
      {
        wrong.append("\(source): \(error.code) \(error)")
      }
    }
    #expect(wrong == [])
  }

  /// Errors end up in logs, where no text of a message belongs.
  @Test func noErrorHoldsTextOfAMessage() {
    let messages = [Message(role: "SECRET", content: "SECRET")]
    for source in [
      "{{ raise_exception('bad role ' + messages[0].role) }}",
      "{{ raise_exception(messages[0].content) }}",
      "{{ messages[0].content + 1 }}", "{{ messages[messages[0].role].x }}",
      "{{ {messages[0].role: 1}[messages[0].content].y.z }}",
      "{{ messages[0].content | int(base=messages[0].role) }}",
      "{{ messages | map(messages[0].role) | list }}",
      "{{ messages | selectattr('role', messages[0].role) | list }}",
      "{{ namespace(**{messages[0].role: 1}).x.y }}", "{{ messages[0].content % 1 }}",
      "{{ strftime_now(messages[0].content ~ '%Q') }}",
      "{{ (messages | map(attribute=messages[0].role) | list)[0].x }}",
    ] {
      let error = Self.error(source, messages)
      #expect(error.map { !$0.description.contains("SECRET") } ?? false, "\(source)")
    }
  }

  /// Each is refused at once; without its limit it would run for hours or fill the memory.
  @Test func hostileTemplatesAreRefusedInTime() {
    let long = 40_000
    func times(_ text: String) -> String { String(repeating: text, count: long) }
    let templates: [(name: String, source: String)] = [
      (
        "doubling",
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}"
      ),
      (
        "keeping",
        "{% set n = namespace(x=[]) %}{% for i in range(99999) %}{% set n.x = n.x + ['a' * 999] %}{% endfor %}"
      ),
      (
        "deep values",
        "{% set n = namespace(x=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}"
      ),
      (
        "shared values",
        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x|list }}{{ n.x|tojson }}"
      ),
      (
        "tuple keys",
        "{% set n = namespace(x=(1,)) %}{% for i in range(99) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}"
      ),
      (
        "loops in loops",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
      ),
      ("macros in macros", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"),
      (
        "macros that double",
        "{% macro f(n) %}{% if n %}{{ f(n-1) ~ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}"
      ),
      ("brackets", "{{ " + times("(") + "1" + times(")") + " }}"),
      ("lists", "{{ " + times("[") + times("]") + " }}"),
      ("not", "{{ " + times("not ") + "1 }}"), ("minus", "{{ " + times("-") + "1 }}"),
      ("sums", "{{ " + times("1+") + "1 }}"), ("attributes", "{{ a" + times(".b") + " }}"),
      ("calls", "{{ a" + times("()") + " }}"),
      ("blocks", times("{% if 1 %}") + times("{% endif %}")),
      ("tokens", "{{ " + times("a,a,") + " }}"),
      ("a long template", String(repeating: "x", count: 600_000)),
      ("a far search", "{{ ('a' * 4000000).find('a' * 2000000 ~ 'b') }}"),
      ("growing", "{{ ('a' * 4000000) | replace('a', 'bbbb') }}"),
      ("padding", "{{ 'x'.center(10 ** 15) }}"),
      ("repeating", "{{ 'x' * 10 ** 12 }}"), ("a long list", "{{ [0] * 10 ** 12 }}"),
      ("words", "{{ ('a ' * 4000000).split() }}"),
      ("characters", "{{ 'ab' * 4000000 | list }}{{ ('ab' * 4000000) | list }}"),
      ("a wide indent", "{{ [range(99999) | list] | tojson(indent=1000) }}"),
      (
        "titles",
        "{% set s = '\u{C4} ' * 2000000 %}{% for i in range(999) %}{{ s | title | length }}{% endfor %}"
      ),
    ]
    var wrong: [String] = []
    for (name, source) in templates {
      let start = ContinuousClock.now
      let error = Self.error(source)
      let taken = ContinuousClock.now - start
      if taken > .seconds(8) { wrong.append("\(name) takes \(taken)") }
      if error == nil { wrong.append("\(name) is accepted") }
      if let error, error.description.utf8.count > 2000 { wrong.append("\(name): a long error") }
    }
    #expect(wrong == [])
  }

  /// Cycles through namespaces neither hold memory nor the stack.
  @Test func namespacesMayHoldEachOther() throws {
    let chain =
      "{% set n = namespace() %}{% set n.x = n %}{% for i in range(50000) %}{% set n.x = namespace(y=n.x) %}"
      + "{% endfor %}{{ n.x is defined }}"
    #expect(try JinjaTests.text(chain) == "True")
  }
}

import ChatTemplate
import Foundation
import Records
import Testing

/// Templates against the texts that Jinja makes of them.
@Suite struct JinjaTests {
  private static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures"
  static let date = TemplateDate("2024-07-26")!

  @Test func everyTemplateGivesWhatJinjaGives() throws {
    let file = URL(fileURLWithPath: Self.folder + "/jinja.json")
    let json = try JSONValue(parsing: Array(try Data(contentsOf: file)), location: "jinja.json")
    let variables = try #require(json["variables"])
    let cases = try #require(json["cases"]?.array)
    var wrong: [String] = []
    for entry in cases {
      let source = try #require(entry["template"]?.string)
      do {
        let text = try ChatTemplate(source).render(variables: variables, date: Self.date)
        if entry["text"]?.string.map({ $0.utf8.elementsEqual(text.utf8) }) != true {
          wrong.append("\(source) gives \(text)")
        }
      } catch {
        if entry["fails"]?.boolean != true { wrong.append("\(source): \(error)") }
      }
    }
    #expect(cases.count == 918)
    #expect(wrong == [])
  }

  static func text(_ source: String, _ variables: String = "{}") throws -> String {
    try ChatTemplate(source).render(
      variables: try JSONValue(parsing: Array(variables.utf8)), date: date)
  }

  /// By hand: where blanks and line breaks go around tags.
  @Test func blanksAroundTagsGoAsTransformersSetsIt() throws {
    #expect(try Self.text("a\n  {% if 1 %}\n  b\n  {% endif %}\nc\n") == "a\n  b\nc")
    #expect(try Self.text("a \n {%- if 1 -%} \n b {%- endif +%}\n c") == "ab\n c")
    #expect(try Self.text("  {%+ if 1 %}x{% endif %}") == "  x")
    #expect(try Self.text("a\n  {# c #}\n b {{ 1 }}\n") == "a\n b 1")
    #expect(try Self.text("{% raw %}{{ x }}{% endraw %}\r\n\r\n") == "{{ x }}")
  }

  @Test func setStaysInItsBlockUnlessItIsANamespaces() throws {
    let loop = "{% set a = 0 %}{% for i in [1, 2] %}{% set a = i %}{{ a }}{% endfor %}{{ a }}"
    #expect(try Self.text(loop) == "120")
    let namespace =
      "{% set n = namespace(a=0) %}{% for i in [1, 2] %}{% set n.a = n.a + i %}{% endfor %}{{ n.a }}"
    #expect(try Self.text(namespace) == "3")
    #expect(try Self.text("{% if 1 %}{% set a = 5 %}{% endif %}{{ a }}") == "5")
  }

  @Test func theDayIsTheOneThatIsGiven() throws {
    for (day, format, text) in [
      ("2024-07-26", "%d %b %Y", "26 Jul 2024"),
      ("2000-02-29", "%A %-d %B %j %y", "Tuesday 29 February 060 00"),
      ("1999-12-31", "%a %F %H:%M", "Fri 1999-12-31 00:00"), ("0001-01-01", "%A", "Monday"),
    ] {
      let date = try #require(TemplateDate(day))
      let template = try ChatTemplate("{{ strftime_now('\(format)') }}")
      #expect(try template.render([], addGenerationPrompt: false, date: date) == text)
    }
    for day in ["2023-02-29", "2024-13-01", "2024-1-1", "0000-01-01", "x", "2024-07-26-1"] {
      #expect(TemplateDate(day) == nil, "\(day)")
    }
  }
}

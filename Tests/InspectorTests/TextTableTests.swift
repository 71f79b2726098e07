import Inspector
import Testing

@Suite("Tables")
struct TextTableTests {
  @Test("columns line up, numbers to the right")
  func aligns() {
    var table = TextTable([.init("name"), .init("n", .right)])
    table.add(["a", "1"])
    table.add(["漢字", "200"])
    #expect(table.lines() == ["name    n", "a       1", "漢字  200"])
  }

  @Test("shrinking columns give way until the table fits, the widest first")
  func shrinks() {
    var table = TextTable([
      .init("id", .right), .init("a", shrinks: true), .init("b", shrinks: true),
    ])
    table.add(["1", String(repeating: "x", count: 30), String(repeating: "y", count: 300)])
    let lines = table.lines(width: 60)
    #expect(lines.allSatisfy { TerminalText.width(of: $0) <= 60 })
    #expect(lines[1].contains(String(repeating: "x", count: 26)))
    #expect(lines[1].hasSuffix("…"))
  }

  @Test("a table without titles has no head")
  func headless() {
    var table = TextTable([.init(""), .init("")])
    table.add(["groups", "17"])
    #expect(table.lines() == ["groups  17"])
  }
}

import Inspector
import Testing

@Suite("Coloured lines")
struct StyledLineTests {
  private let line = "\u{1B}[1mab\u{1B}[0m好\u{1B}[31mxyz\u{1B}[0m"

  @Test("colours take no columns, wide characters two")
  func width() {
    #expect(StyledLine.width(of: line) == 7)
    #expect(StyledLine.plain(line) == "ab好xyz")
    #expect(StyledLine.fitted(line, to: 7) == line)
  }

  @Test("what is cut leaves no colour and no half of a character", arguments: 0...6)
  func fitted(columns: Int) {
    let cut = StyledLine.fitted(line, to: columns)
    #expect(StyledLine.width(of: cut) <= columns)
    #expect(columns == 0 || StyledLine.plain(cut).hasSuffix("…"))
    #expect(!cut.contains("\u{1B}[31m") || cut.hasSuffix("\u{1B}[0m"))
  }
}

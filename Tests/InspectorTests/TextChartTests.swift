import Inspector
import Testing

@Suite("Charts")
struct TextChartTests {
  @Test("a sparkline runs from the lowest to the highest bar")
  func sparkline() {
    #expect(TextChart.sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█")
    #expect(TextChart.sparkline([1, 1, 1]) == "▅▅▅")
    #expect(TextChart.sparkline([0.5], range: 0...1) == "▅")
    #expect(TextChart.sparkline([0, .nan, 1]) == "▁ █")
    #expect(TextChart.sparkline([]) == "")
  }

  @Test("a long series is averaged to the width")
  func resamples() {
    let spark = TextChart.sparkline((0..<1000).map(Double.init), width: 8)
    #expect(spark == "▁▂▃▄▅▆▇█")
  }

  @Test("two series keep their marks, and the first lies on top")
  func plots() {
    let lines = TextChart.plot(
      [.init("rising", [0, 0.5, 1]), .init("falling", [1, 0.5, 0])], width: 20, height: 3,
      range: 0...1, format: TextChart.percent)
    #expect(
      lines == [
        "100 % │○ ●", " 50 % │ ●", "  0 % │● ○", "      └" + String(repeating: "─", count: 13),
        "       0 step 2", "       ● rising   ○ falling",
      ])
  }

  @Test("no values, no chart; non-finite ones leave gaps")
  func gaps() {
    #expect(TextChart.plot([.init("a", [])]).isEmpty)
    #expect(TextChart.plot([.init("a", [.nan, .infinity])]).isEmpty)
    let lines = TextChart.plot([.init("a", [1, .nan, 2])], width: 20, height: 2)
    #expect(lines[0].hasSuffix("│  ●"))
    #expect(lines[1].hasSuffix("│●"))
  }

  @Test("any series of any size fits its width")
  func fits() {
    var failures: [Int] = []
    for count in [0, 1, 15, 16, 17, 1000] {
      let values = (0..<count).map { Double(($0 * 7919) % 101) * 1e5 }
      for line in TextChart.plot([.init("a", values)], width: 40, height: 5)
      where TerminalText.width(of: line) > 40 {
        failures.append(count)
      }
    }
    #expect(failures.isEmpty)
  }
}

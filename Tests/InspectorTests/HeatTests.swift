import Inspector
import Testing

@Suite("Token heat")
struct HeatTests {
  @Test("levels run from low to high, around a centre to both sides alike")
  func levels() throws {
    let plain = try #require(HeatScale([0, 8, 3, .nan]))
    #expect((0...8).map { plain.level(of: Double($0)) } == Array(0...8))
    #expect(plain.level(of: .infinity) == nil && plain.value(of: 4) == 4)
    let signed = try #require(HeatScale([-1, 4], center: 0))
    #expect(signed.low == -4 && signed.high == 4)
    #expect(signed.level(of: 0) == 4 && signed.level(of: -1) == 3 && signed.level(of: 4) == 8)
    #expect(try #require(HeatScale([7, 7])).level(of: 7) == 4)
    #expect(HeatScale([.nan]) == nil)
  }

  /// WCAG 2.1's relative luminance of a colour of the palette.
  private func luminance(_ number: Int) -> Double {
    func channel(_ value: Int) -> Double {
      let share = Double(value) / 255
      return share <= 0.03928 ? share / 12.92 : power((share + 0.055) / 1.055)
    }
    func power(_ base: Double) -> Double {
      // x^2.4 by its fifth root: y^12 where y^5 = x.
      var root = base
      for _ in 0..<200 {
        root -= (root * root * root * root * root - base) / (5 * root * root * root * root)
      }
      return (0..<12).reduce(1) { product, _ in product * root }
    }
    guard number >= 16, number < 232 else {
      return channel(8 + 10 * max(0, number - 232))
    }
    let steps = [0, 95, 135, 175, 215, 255]
    let place = number - 16
    let (red, green, blue) = (steps[place / 36], steps[place / 6 % 6], steps[place % 6])
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
  }

  @Test("text stands out on every level, and a sequential scale only grows lighter")
  func contrast() throws {
    for scale in [HeatScale([0, 1]), HeatScale([-1, 1], center: 0)] {
      let scale = try #require(scale)
      for level in 0..<HeatScale.levels {
        let (ground, text) = scale.colour(of: level)
        let pair = [luminance(ground), luminance(text)].sorted()
        #expect((pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, "level \(level)")
      }
    }
    let scale = try #require(HeatScale([0, 1]))
    let lightness = (0..<HeatScale.levels).map { luminance(scale.colour(of: $0).ground) }
    #expect(lightness == lightness.sorted())
  }

  @Test("lines break at the width and at the model's own; every column has its token's level")
  func layout() {
    let text = HeatText(
      [("ab", 0), ("好", 8), ("\n", nil), ("c\u{1B}[31m", 2)], width: 4)
    #expect(text.plain == ["ab好", "1199", "↵", "·", "c\\u{", "3333", "1b}[", "3333", "31m", "333"])
    let scale = HeatScale([0, 8])
    #expect(scale.map { text.coloured($0).allSatisfy { StyledLine.width(of: $0) <= 4 } } == true)
  }

  @Test("neighbours of one level share a colour; the guard lets it pass and nothing else")
  func colours() throws {
    let scale = try #require(HeatScale([0, 1]))
    let lines = HeatText([("a", 8), ("b\u{9B}2J", 8), ("c", nil)], width: 80).coloured(scale)
    #expect(lines == ["\u{1B}[48;5;228m\u{1B}[38;5;16mab\\u{9b}2J\u{1B}[0mc"])
    #expect(TerminalText.guarded(lines[0], keepsColours: true) == lines[0])
    #expect(!TerminalText.guarded(lines[0], keepsColours: false).contains("\u{1B}"))
  }
}

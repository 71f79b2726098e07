import Browser
import Foundation
import Inspector
import Testing

@Suite("Browser")
struct BrowserTests {
  /// A copy of the sample, which the object's own writer does not hold open.
  private func copied(_ body: (StoredRun) throws -> Void) throws {
    let copy: String
    do {
      let sample = try SampleRun()
      copy = sample.folder + "-browse"
      try FileManager.default.copyItem(atPath: sample.folder, toPath: copy)
    }
    defer {
      do { try FileManager.default.removeItem(atPath: copy) } catch { print("left: \(copy)") }
    }
    try body(StoredRun(opening: copy))
  }

  /// The frame after some keys, without colours.
  private func frame(_ browser: inout Browser, _ keys: String) throws -> [String] {
    var reader = KeyReader()
    for key in reader.keys(Array(keys.utf8)) + reader.flush() { _ = try browser.press(key) }
    return browser.frame.map(StyledLine.plain)
  }

  private func selected(_ frame: [String]) -> String? {
    frame.first { $0.hasPrefix("›") }?.split(separator: "│").first.map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }

  @Test("n and p walk the steps, l and h the groups, j and k the rollouts across groups")
  func walking() throws {
    try copied { run in
      var browser = try Browser(run, step: 0, columns: 80, rows: 24, hasColor: false)
      #expect(selected(browser.frame) == "›0 1/2 [●]○")
      #expect(try selected(frame(&browser, "j")) == "›0 1/2 ●[○]")
      #expect(try selected(frame(&browser, "j")) == "›1 0/2 [○]○")
      #expect(try selected(frame(&browser, "k")) == "›0 1/2 ●[○]")
      #expect(try selected(frame(&browser, "ll")) == "›2 –")
      #expect(try frame(&browser, "l").last == "the last group of the step")
      #expect(try selected(frame(&browser, "n")) == "›3 2/2 [●]●")
      #expect(try frame(&browser, "n").last == "the run has the steps 0 to 1")
      #expect(try selected(frame(&browser, "G")) == "›5 –")
      #expect(try selected(frame(&browser, "p")) == "›0 1/2 [●]○")
    }
  }

  @Test("s sorts and keeps what is selected, S turns the order round")
  func sorting() throws {
    try copied { run in
      var browser = try Browser(run, step: 0, columns: 80, rows: 24, hasColor: false)
      func order(_ frame: [String]) -> [Character] {
        frame.compactMap { $0.dropFirst().first }.filter(\.isNumber)
      }
      #expect(order(browser.frame) == ["0", "1", "2"])
      // By reward: group 2 has none, 1 has 0, 0 has a half.
      let byReward = try frame(&browser, "s")
      #expect(order(byReward) == ["2", "1", "0"] && byReward.last == "by reward")
      #expect(selected(byReward) == "›0 1/2 [●]○")
      #expect(try order(frame(&browser, "S")) == ["0", "1", "2"])
    }
  }

  @Test("/ finds the next text in all steps, Enter alone the one behind it")
  func searching() throws {
    try copied { run in
      var browser = try Browser(run, step: 0, columns: 80, rows: 24, hasColor: true)
      #expect(try frame(&browser, "/12").last == "/12▏")
      #expect(try selected(frame(&browser, "\r")) == "›0 1/2 ●[○]")
      #expect(try selected(frame(&browser, "/\r")) == "›1 0/2 ○[○]")
      #expect(try selected(frame(&browser, "/\r")) == "›3 2/2 ●[●]")
      #expect(try frame(&browser, "/zzz\r").last == "not found behind group 3")
      #expect(try frame(&browser, "/ab\u{7F}\u{7F}\u{7F}").last?.hasPrefix("n/p step") == true)
      #expect(browser.frame.contains { $0.contains("\u{1B}[7mzzz") } == false)
    }
  }

  @Test("f hides and shows fields, t colours tokens by what was recorded, ? helps")
  func choosing() throws {
    try copied { run in
      var browser = try Browser(run, step: 0, columns: 80, rows: 24, hasColor: false)
      #expect(browser.frame.contains { $0.contains("ground truth") })
      #expect(try frame(&browser, "f").contains("  › [x] facts"))
      #expect(try frame(&browser, "jj ").contains("  › [ ] ground truth"))
      #expect(try !frame(&browser, "f").contains { $0.contains("│ ground truth") })
      #expect(try frame(&browser, "t").last == "tokens by log p")
      #expect(browser.frame.contains { $0.contains("log p: -1.00 (1) to -0.250 (9)") })
      #expect(try frame(&browser, "t").last == "tokens by entropy")
      #expect(try frame(&browser, "t").last == "no colours")
      #expect(try frame(&browser, "?").contains { $0.contains("next and previous step") })
      _ = try frame(&browser, "x")
      #expect(try browser.press(.character("q")) == .quit)
      #expect(try browser.press(.interrupt) == .quit && browser.press(.suspend) == .suspend)
    }
  }

  @Test(
    "whatever is pressed, a frame fills its screen, and nothing but colours passes the guard",
    arguments: [(80, 24), (20, 6), (200, 60), (1, 1)])
  func frames(columns: Int, rows: Int) throws {
    try copied { run in
      var browser = try Browser(run, columns: columns, rows: rows, hasColor: true)
      for key in "jkJKhlnpgG sSt/1\rf j xtt?xG/\u{1B}b " {
        var reader = KeyReader()
        for key in reader.keys(Array(String(key).utf8)) + reader.flush() {
          _ = try browser.press(key)
        }
        let frame = browser.frame
        #expect(frame.count == min(rows, max(3, rows)), "\(key)")
        for line in frame {
          #expect(StyledLine.width(of: line) <= columns, "\(key): \(line)")
          #expect(TerminalText.guarded(line, keepsColours: true) == line, "\(key)")
        }
      }
      browser.resize(columns: 33, rows: 9)
      #expect(browser.frame.count == 9)
      try browser.refresh()
    }
  }

  @Test("foreign text is escaped and wrapped behind blanks, wide characters are never cut")
  func wrapping() {
    #expect(TerminalText.wrapped("a\u{1B}b\n", to: 80) == ["a\\u{1b}b"])
    #expect(TerminalText.wrapped("one two three", to: 9) == ["one two ", "three"])
    #expect(TerminalText.wrapped("abcdefgh", to: 3) == ["abc", "def", "gh"])
    #expect(TerminalText.wrapped("好好好", to: 5) == ["好好", "好"])
    #expect(TerminalText.wrapped("好", to: 1) == ["好"])
    #expect(TerminalText.wrapped("", to: 5) == [""])
    let long = String(repeating: "a", count: 1 << 20)
    #expect(TerminalText.wrapped(long, to: 50).count == (1 << 20) / 50 + 1)
  }
}

import Foundation
import Testing

@Suite("Reports in a browser", .needsBinary, .serialized)
struct ReportTests {
  private static let pages = [
    "", "/gate", "/curves", "/evaluations", "/groups", "/group/0", "/audit", "/pipeline",
  ]

  private func report(_ runs: [String], _ arguments: [String] = []) throws -> String {
    let scratch = try SeenRuns.shared.get().scratch
    let file = "\(scratch.path)/\(UUID().uuidString).html"
    let made = try Binary.run(["report"] + runs + ["--out", file] + arguments)
    try #require(made.status == 0, "\(made)")
    return file
  }

  @Test("every page opens from disk without a complaint, on a desk and on a phone")
  func pages() throws {
    let runs = try SeenRuns.shared.get()
    let file = try report([runs.hpt, runs.grpo])
    for width in [1280, 390] {
      let browser = try Browser(width: width)
      for page in Self.pages.map({ "#/run/hpt\($0)" }) + ["#/", "#/compare?runs=hpt,grpo"] {
        try browser.open("file://\(file)\(page)")
        #expect(try browser.complaints() == [], "\(page) at \(width)")
        let isWide = "document.scrollingElement.scrollWidth > window.innerWidth"
        #expect(try browser.script("return \(isWide)") as? Bool == false, "\(page) at \(width)")
        #expect(try browser.count("main h1") == 1, "\(page)")
        #expect(
          try browser.script("return document.body.innerText.includes('NaN')") as? Bool == false)
      }
    }
  }

  @Test("a cell of the heat map opens its group, by mouse and by keyboard")
  func cells() throws {
    let browser = try Browser()
    let file = try report([SeenRuns.shared.get().hpt])
    try browser.open("file://\(file)#/run/hpt/gate")
    try browser.focus("#heat-cursor")
    try browser.press(Browser.Key.right + Browser.Key.down)
    let chosen = try #require(
      try browser.script("return document.querySelector('#heat-cursor').dataset.cell") as? String)
    try browser.press(Browser.Key.enter)
    try browser.wait("the group's page") { try browser.count("main[data-page=group]") == 1 }
    #expect(try browser.text("main h1")?.contains("Group \(chosen)") == true)
    try browser.open("file://\(file)#/run/hpt/gate")
    try browser.click("#heat-cursor")
    try browser.wait("the first group") { try browser.count("main[data-page=group]") == 1 }
    #expect(try browser.complaints() == [])
  }

  @Test("the switch of algorithms changes the tokens' colours and the numbers of their product")
  func algorithms() throws {
    let runs = try SeenRuns.shared.get()
    let browser = try Browser()
    // A group that nobody solved: HPT imitates its demonstration, GRPO learns nothing from it.
    try browser.open("file://\(report([runs.hpt]))#/run/hpt/group/0?colour=weight")
    let colours = """
      return [...document.querySelectorAll('.token')].map(t => getComputedStyle(t).backgroundColor).join()
      """
    var seen: Set<String> = []
    for name in ["run", "sft", "grpo", "dr_grpo"] {
      let input = "input[name=under][value=\(name)]"
      guard try browser.count(input) == 1 else { continue }
      _ = try browser.script("document.querySelector(arguments[0]).click()", [input])
      try browser.settle()
      seen.insert(try browser.script(colours) as? String ?? "")
    }
    #expect(seen.count >= 2, "\(seen.map { $0.prefix(200) })")
    #expect(try browser.complaints() == [])
  }

  @Test("whatever prompts, tokens and names are made of, it is text")
  func hostile() throws {
    let runs = try SeenRuns.shared.get()
    let browser = try Browser()
    let file = try report([runs.hostile])
    // Nothing inside the data ends or reopens an element, or begins a comment.
    let html = try String(contentsOfFile: file, encoding: .utf8)
    for (mark, times) in [("</script", 2), ("<script", 2), ("<!--", 0)] {
      #expect(html.components(separatedBy: mark).count == times + 1, "\(mark)")
    }
    let key = "hostile%20%3Cb%3E"
    for page in Self.pages + ["/group/7"] {
      try browser.open("file://\(file)#/run/\(key)\(page)")
      #expect(try browser.complaints() == [], "\(page)")
      #expect(try browser.script("return window.hostile === undefined") as? Bool == true, "\(page)")
      #expect(
        try browser.count("main script, main img, main b[onclick], main iframe") == 0, "\(page)")
      // Nothing that a terminal or a line would obey stands in what is shown.
      let raw = try browser.script(
        "return /[\\u0000-\\u0008\\u001b\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.innerText)"
      )
      #expect(raw as? Bool == false, "\(page)")
    }
    // The megabyte is cut on the page, and says so.
    try browser.open("file://\(file)#/run/\(key)/group/7")
    let shown = try browser.script("return document.querySelector('main').innerText.length") as? Int
    #expect(try #require(shown) < 100_000)
    #expect(try browser.text("main")?.contains("1,200,000") == true)
    try browser.open("file://\(file)#/run/\(key)/group/0")
    #expect(try browser.text("main")?.contains("<script>window.hostile=1</script>") == true)
    #expect(try browser.count(".escape") > 0)
  }

  @Test("a report stays below its limit, refuses to write over a file, and says what it left out")
  func limits() throws {
    let runs = try SeenRuns.shared.get()
    let file = try report([runs.hpt], ["--limit", "2"])
    let size = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
    #expect(size < 2_000_000)
    // Texts that take six bytes for each of theirs count as what they take.
    let other = try report([runs.hostile], ["--limit", "2"])
    let bytes = try FileManager.default.attributesOfItem(atPath: other)[.size] as? Int
    #expect(try #require(bytes) < 2_000_000)
    let again = try Binary.run(["report", runs.hpt, "--out", file])
    #expect(again.status == 2 && again.isOneLineError, "\(again)")
    let absent = try Binary.run(["report", runs.scratch.path + "/none"])
    #expect(absent.status == 2 && absent.isOneLineError, "\(absent)")
  }

  @Test("the document allows its own script and style, and nothing else")
  func policy() throws {
    let file = try report([SeenRuns.shared.get().hpt])
    let html = try String(contentsOfFile: file, encoding: .utf8)
    #expect(html.contains("default-src 'none'; script-src 'sha256-"))
    #expect(!html.contains("unsafe-inline") && !html.contains("onclick="))
    // The only addresses in it are names of XML's vocabularies, which nobody asks for.
    let addresses = html.matches(of: /https?:\/\/[a-z.0-9]+/).map { String($0.0) }
    #expect(Set(addresses) == ["http://www.w3.org"])
    #expect(html.components(separatedBy: "</script>").count == 3)
  }
}

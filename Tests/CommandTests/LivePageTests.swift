import Foundation
import RawClient
import Testing

/// `pipeline serve` on a folder, ended with the object.
private final class Served: Sendable {
  let address: String
  private let process: Process
  private let scratch: Scratch

  init(_ folder: String) throws {
    scratch = try Scratch()
    let log = try scratch.write("", to: "serve.log")
    process = Process()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = ["serve", folder, "--port", "0"]
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    process.standardOutput = file
    process.standardError = file
    try process.run()
    var found: String?
    for _ in 0..<200 where found == nil {
      usleep(50_000)
      let text = try String(contentsOfFile: log, encoding: .utf8)
      found = text.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+/).map { String($0.0) }
    }
    guard let found else { throw Browser.Unanswered(what: "serve told no address") }
    address = found
  }

  deinit {
    process.terminate()
    process.waitUntilExit()
  }

  func get(_ path: String) throws -> Response {
    let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
    let client = try RawClient(port, seconds: 60)
    client.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    return try #require(client.response())
  }
}

@Suite("Live pages in a browser", .needsBinary, .serialized)
struct LivePageTests {
  private func served() throws -> Served {
    try Served(SeenRuns.shared.get().scratch.path + "/runs")
  }

  @Test("filters filter, and an error points at the character")
  func filters() throws {
    let server = try served()
    let browser = try Browser()
    try browser.open("\(server.address)/#/run/hpt/groups")
    func ask(_ condition: String) throws {
      _ = try browser.script("document.querySelector('input[name=where]').value = ''")
      try browser.focus("input[name=where]")
      try browser.press(condition + Browser.Key.enter)
      try browser.settle()
    }
    #expect(try browser.count("tr[data-row]") == 32)
    try ask("step = 2")
    try browser.wait("eight groups are left") { try browser.count("tr[data-row]") == 8 }
    try ask("step = 2 and length >")
    try browser.wait("an error") { try browser.count("#where-error [data-caret]") == 1 }
    let caret = try browser.script(
      "return document.querySelector('#where-error [data-caret]').dataset.caret")
    #expect(caret as? String == "21")
    #expect(try browser.complaints().allSatisfy { $0.contains("400") })
  }

  @Test("a run that comes while the page is open appears on it, and its numbers follow")
  func live() throws {
    let runs = try SeenRuns.shared.get()
    let server = try served()
    let browser = try Browser()
    try browser.open("\(server.address)/#/")
    #expect(try browser.count("tr[data-run]") == 3)
    let late = runs.scratch.path + "/runs/late"
    defer { try? FileManager.default.removeItem(atPath: late) }
    let definition = "\(runs.scratch.path)/hpt-data.yaml"
    let made = try Binary.run(["run", definition, "--run", late, "--quiet"])
    #expect(made.status == 0, "\(made)")
    try browser.wait("the new run", seconds: 60) { try browser.count("tr[data-run=late]") == 1 }
    #expect(try browser.complaints() == [])
  }

  @Test("the keyboard alone reaches everything")
  func keyboard() throws {
    let server = try served()
    let browser = try Browser()
    for page in ["#/", "#/run/hpt", "#/run/hpt/gate", "#/run/hpt/groups", "#/run/hpt/group/3"] {
      try browser.open("\(server.address)/\(page)")
      // What is drawn anew meanwhile is known by how it begins.
      _ = try browser.script(
        """
        window.seen = new Set(); window.known = e => e.id || e.outerHTML.slice(0, 60);
        document.activeElement.blur()
        """)
      let everything = """
        [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex]')].filter(e =>
          e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
          && !(e.type === 'radio' && !e.checked))
        """
      let count = try #require(try browser.script("return \(everything).length") as? Int)
      for _ in 0..<count + 10 {
        try browser.press(Browser.Key.tab)
        _ = try browser.script("window.seen.add(known(document.activeElement))")
      }
      let left = try browser.script(
        """
        return \(everything).filter(e => !window.seen.has(known(e))).map(e => e.outerHTML.slice(0, 120))
        """)
      #expect(left as? [String] == [], "\(page)")
      #expect(count > 5, "\(page)")
    }
  }

  @Test("a hostile run is text on live pages too, and nothing is loaded from elsewhere")
  func hostile() throws {
    let server = try served()
    let browser = try Browser()
    let key = "hostile%20%3Cb%3E"
    for page in ["", "/gate", "/curves", "/groups", "/group/0", "/group/7", "/audit", "/pipeline"] {
      try browser.open("\(server.address)/#/run/\(key)\(page)")
      #expect(try browser.complaints() == [], "\(page)")
      #expect(try browser.script("return window.hostile === undefined") as? Bool == true, "\(page)")
    }
    let elsewhere = """
      return performance.getEntriesByType('resource')
        .filter(e => !e.name.startsWith(location.origin)).map(e => e.name)
      """
    #expect(try browser.script(elsewhere) as? [String] == [])
    let policy = try #require(try server.get("/")["content-security-policy"])
    #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
  }

  @Test("a run that is watched comes to the same, and its file takes a few commits more at most")
  func watched() throws {
    let runs = try SeenRuns.shared.get()
    let scratch = try Scratch()
    func run(_ name: String) throws -> Process {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Binary.path)
      process.arguments = [
        "run", "\(runs.scratch.path)/hpt-data.yaml", "--set", "steps=60", "--run",
        "\(scratch.path)/\(name)", "--quiet",
      ]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      return process
    }
    func size(_ name: String) throws -> Int {
      let file = "\(scratch.path)/\(name)/queue/data.mdb"
      let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
      return try #require(size)
    }
    let quiet = try run("quiet")
    quiet.waitUntilExit()
    let server = try Served(scratch.path)
    let watched = try run("watched")
    var answers = 0
    while watched.isRunning {
      for view in ["", "/gate", "/groups?where=reward%3D0", "/audit", "/pipeline", "/groups/3"] {
        if try server.get("/api/runs/watched\(view)").status == 200 { answers += 1 }
      }
    }
    #expect(quiet.terminationStatus == 0 && watched.terminationStatus == 0 && answers > 10)
    let digests = try ["quiet", "watched"].map {
      try Binary.run(["queue", "digest", "\(scratch.path)/\($0)"]).out
    }
    #expect(digests[0] == digests[1])
    #expect(try size("watched") < size("quiet") + (512 << 10))
  }

  @Test("a run that is killed at any moment is listed, reported and served, and goes on")
  func killed() throws {
    let runs = try SeenRuns.shared.get()
    let scratch = try Scratch()
    for (name, delay) in [("a", 150_000), ("b", 300_000), ("c", 500_000), ("d", 800_000)] {
      let run = "\(scratch.path)/\(name)"
      let arguments = [
        "run", "\(runs.scratch.path)/hpt-data.yaml", "--set", "steps=400", "--run", run, "--quiet",
      ]
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Binary.path)
      process.arguments = arguments
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      usleep(useconds_t(delay))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      // Too early for a run to be there.
      guard FileManager.default.fileExists(atPath: run + "/pipeline.yaml") else { continue }
      let list = try Binary.run(["inspect", "list", run, "--where", "step >= 0", "--json"])
      #expect(list.status == 0, "\(list)")
      let report = try Binary.run(["report", run, "--out", run + ".html"])
      #expect(report.status == 0, "\(report)")
      let resumed = try Binary.run(["resume", run, "--set", "steps=400", "--quiet"])
      #expect(resumed.status == 0, "\(resumed)")
    }
    let server = try Served(scratch.path)
    let list = try JSONSerialization.jsonObject(with: Data(server.get("/api/runs").body))
    let served = try #require((list as? [String: Any])?["runs"] as? [[String: Any]])
    #expect(served.count >= 2 && served.allSatisfy { $0["state"] as? String == "done" })
  }

  @Test("the pipeline's page counts the records that are kept")
  func logs() throws {
    func answer(_ server: Served, _ path: String) throws -> [String: Any] {
      let body = Data(try server.get("/api/runs/" + path).body)
      return try #require(try JSONSerialization.jsonObject(with: body) as? [String: Any])
    }
    func records(_ server: Served, _ run: String) throws -> [String: Int] {
      let logs = try #require(try answer(server, run + "/pipeline")["logs"] as? [[String: Any]])
      return Dictionary(
        uniqueKeysWithValues: logs.map { ($0["log"] as? String ?? "", $0["records"] as? Int ?? -1) }
      )
    }
    let runs = try SeenRuns.shared.get()
    let scratch = try Scratch()
    let made = try Binary.run([
      "run", "\(runs.scratch.path)/hpt-data.yaml", "--set", "retention.steps=1",
      "--set", "checkpoint.every=1", "--set", "checkpoint.keep=1", "--run",
      scratch.path + "/trimmed", "--quiet",
    ])
    try #require(made.status == 0, "\(made)")
    let trimmed = try Served(scratch.path)
    let kept = try #require(try answer(trimmed, "trimmed/groups")["total"] as? Int)
    #expect(kept < 32)
    #expect(try records(trimmed, "trimmed")["prompts"] == kept)
    let records = try records(served(), "hpt")
    // 4 steps of 8 prompts.
    #expect(records["prompts"] == 32 && records["rollouts"] == 32 && records["verdicts"] == 32)
    #expect(records["decisions"] == 32 && records["batches"] == 4 && records["updates"] == 4)
  }

  @Test("a run whose definition is broken is a fault of the run, not a page that is not there")
  func brokenDefinition() throws {
    let scratch = try Scratch()
    let run = scratch.path + "/hpt"
    try FileManager.default.copyItem(atPath: SeenRuns.shared.get().hpt, toPath: run)
    try Data("steps: [".utf8).write(to: URL(fileURLWithPath: run + "/pipeline.yaml"))
    let server = try Served(scratch.path)
    let response = try server.get("/api/runs/hpt")
    #expect(response.status == 500, "\(response.status)")
    let body = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    #expect("\(body ?? [:])".contains("pipeline.yaml"), "\(body ?? [:])")
    #expect(try server.get("/api/runs").status == 200)
  }

  @Test("views answer what is asked, and refuse what means nothing, by name")
  func views() throws {
    let server = try served()
    for (path, status) in [
      ("runs", 200), ("runs/hpt", 200), ("runs/hpt/metrics", 200), ("runs/hpt/gate?count=3", 200),
      ("runs/hpt/groups/31", 200), ("runs/hpt/audit", 200), ("runs/hpt/pipeline", 200),
      ("compare?runs=hpt,grpo", 200), ("runs/none", 404), ("runs/hpt/groups/32", 404),
      ("runs/hpt/groups?limit=-1", 400), ("runs/hpt/groups?colour=red", 400), ("nothing", 404),
      ("runs/hpt/gate?sort=luck", 400), ("compare?runs=hpt,hpt", 400),
      ("runs/..%2F..%2Fdata", 404), ("runs/%2e%2e", 404),
    ] {
      let response = try server.get("/api/" + path)
      // What no path may look like is refused before anybody looks for a run.
      let isRefused = path.contains("%") && response.status == 400
      #expect(response.status == status || isRefused, "\(path): \(response.status)")
      let body = try JSONSerialization.jsonObject(with: Data(response.body))
      #expect(body is [String: Any], "\(path)")
    }
  }
}

import Foundation
import RawClient
import Testing

/// `pipeline serve` as a process of its own.
private final class Serving {
  private let process = Process()
  private let output = Pipe()
  let port: Int
  let url: String

  init(_ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = ["serve"] + arguments + ["--port", "0", "--json"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    var line = Data()
    while line.last != UInt8(ascii: "\n") {
      let piece = output.fileHandleForReading.availableData
      guard !piece.isEmpty else { break }
      line += piece
    }
    let place = try JSONSerialization.jsonObject(with: line) as? [String: Any]
    port = try #require(place?["port"] as? Int)
    url = try #require(place?["url"] as? String)
  }

  deinit { if process.isRunning { process.terminate() } }

  func ask(_ target: String, _ fields: [String] = []) throws -> Response {
    let client = try RawClient(port)
    let lines = (["Host: 127.0.0.1"] + fields).map { $0 + "\r\n" }.joined()
    client.send("GET \(target) HTTP/1.1\r\n\(lines)Connection: close\r\n\r\n")
    return try #require(client.response())
  }

  func object(_ target: String) throws -> [String: Any] {
    let response = try ask(target)
    let value = try JSONSerialization.jsonObject(with: Data(response.body))
    return try #require(value as? [String: Any], "\(target): \(response.text)")
  }

  /// Asks it to end; its exit status.
  func end() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }
}

@Suite("serve", .needsBinary)
struct ServeTests {
  /// A folder `runs` with the run `a`.
  private func makeRuns() throws -> Scratch {
    let scratch = try Scratch()
    let root = scratch.path
    try scratch.makeQuestions(rows: 60)
    let definition = try scratch.write(
      """
      seed: 5
      steps: 2
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(root)/data, prompts_per_step: 4}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      """, to: "tiny.yaml")
    let made = try Binary.run(["run", definition, "--run", root + "/runs/a", "--quiet"])
    try #require(made.status == 0, "\(made)")
    return scratch
  }

  @Test("pages, their data and Prometheus' metrics are answered, and nothing is changed")
  func pages() throws {
    let scratch = try makeRuns()
    let before = try Self.files(scratch.path + "/runs")
    let server = try Serving([scratch.path + "/runs"])
    #expect(server.url == "http://127.0.0.1:\(server.port)/")
    let page = try server.ask("/")
    let policy = page["content-security-policy"] ?? ""
    #expect(page.status == 200 && page["content-type"] == "text/html; charset=utf-8")
    #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"))
    #expect(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"))
    let runs = try #require(try server.object("/api/runs")["runs"] as? [[String: Any]])
    #expect(runs.map { $0["key"] as? String } == ["a"] && runs[0]["state"] as? String == "done")
    for view in ["", "/metrics", "/gate", "/groups?limit=3", "/groups/5", "/audit", "/pipeline"] {
      let response = try server.ask("/api/runs/a\(view)")
      #expect(response.status == 200, "\(view): \(response.text)")
      #expect(response["content-type"] == "application/json; charset=utf-8")
    }
    #expect(try server.ask("/healthz").text == "ok\n")
    let metrics = try server.ask("/metrics")
    #expect(metrics["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    #expect(metrics.text.contains("\ntemper_reward_mean{run=\"a\"} "))
    #expect(metrics.text.contains("\ntemper_steps_committed{run=\"a\"} 2.0\n"))
    #expect(metrics.text.contains("\ntemper_runs_unreadable 0.0\n"))
    let after = try Self.files(scratch.path + "/runs")
    #expect(after == before)
  }

  /// Files with size and time of change, but for the table of readers, where a reader has its slot, and
  /// the index, which is made of the queue when somebody searches.
  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).sorted().compactMap { name in
      guard !name.hasSuffix("/lock.mdb"), !name.contains("/index/") else { return nil }
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
      guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
      let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(name) \(attributes[.size] ?? 0) \(time)"
    }
  }

  @Test("what is asked for and is not there, or lies outside, is said")
  func refusals() throws {
    let scratch = try makeRuns()
    try FileManager.default.moveItem(
      atPath: scratch.path + "/runs/a", toPath: scratch.path + "/outside")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/runs/link", withDestinationPath: scratch.path + "/outside")
    let server = try Serving([scratch.path + "/runs"])
    for (target, status) in [
      ("/api/runs/link", 404), ("/api/runs/none", 404), ("/api/nothing", 404), ("/x", 404),
      ("/api/runs/..%2Foutside", 400), ("/../etc/passwd", 400), ("/api/events", 400),
      ("/api/events?run=none", 404), ("/api/runs?x=1", 400),
    ] {
      let response = try server.ask(target)
      #expect(response.status == status, "\(target): \(response.status) \(response.text)")
      let json = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
      let error = try #require(json?["error"] as? [String: Any], "\(target)")
      #expect(error["problem"] is String && error["remedy"] is String, "\(target)")
    }
    let runs = try server.object("/api/runs")["runs"] as? [[String: Any]]
    #expect(runs?.isEmpty == true)
  }

  @Test("who looks at a run hears of its commits, and it ends when it is asked to")
  func events() throws {
    let scratch = try makeRuns()
    let run = scratch.path + "/runs/a"
    let server = try Serving([run])
    let client = try RawClient(server.port, seconds: 30)
    client.send("GET /api/events?run=a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    var heard = ""
    func listen(until text: String) {
      while !heard.contains(text), let piece = client.read() {
        heard += String(decoding: piece, as: UTF8.self)
      }
    }
    listen(until: "\"step\":2")
    let resumed = try Binary.run(["resume", run, "--set", "steps=3", "--quiet"])
    #expect(resumed.status == 0, "\(resumed)")
    listen(until: "\"step\":3")
    #expect(heard.contains("event: commit\ndata: {\"run\":\"a\",\"commit\":"))
    #expect(heard.contains("\"step\":3,\"state\":\""), "\(heard)")
    #expect(server.end() == 143 && client.isEnded())
  }

  @Test("beyond loopback nothing is answered without the token")
  func token() throws {
    let scratch = try makeRuns()
    let open = try Serving([scratch.path + "/runs", "--host", "0.0.0.0"])
    let token = try #require(open.url.split(separator: "=").last.map(String.init))
    #expect(token.count == 48)
    #expect(try open.ask("/").status == 401 && open.ask("/metrics").status == 401)
    #expect(try open.ask("/?token=\(token)").status == 303)
    #expect(try open.ask("/", ["Cookie: temper_token=\(token)"]).status == 200)
    let file = try scratch.write("a-token_of.my~own-1\n", to: "token")
    let own = try Serving([scratch.path + "/runs", "--token-file", file])
    #expect(!own.url.contains("token"))
    #expect(try own.ask("/healthz").status == 401)
    let bearer = ["Authorization: Bearer a-token_of.my~own-1"]
    #expect(try own.ask("/healthz", bearer).status == 200)
  }

  @Test("what it cannot serve is one line and an exit code")
  func usage() throws {
    let scratch = try Scratch()
    let short = try scratch.write("short", to: "token")
    for (arguments, status, part) in [
      (["/no/such/folder"], Int32(2), "/no/such/folder"),
      ([scratch.path, "--port", "65536"], 2, "--port"),
      ([scratch.path, "--token-file", short], 2, "/token"),
      ([scratch.path, "--token-file", "/no/file"], 2, "/no/file"),
      ([scratch.path, "--host", "192.0.2.1"], 1, "192.0.2.1"),
    ] {
      let result = try Binary.run(["serve"] + arguments)
      #expect(
        result.status == status && result.isOneLineError && result.error.contains(part), "\(result)"
      )
    }
  }
}

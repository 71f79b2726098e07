import Foundation
import RawClient
import Testing

/// A headless Chromium, driven by chromedriver over the WebDriver protocol.
final class Browser: Sendable {
  private let driver: Process
  private let session: String
  private let port: Int
  // Keeps what the driver prints.
  private let scratch: Scratch

  /// Starts both.
  /// - Throws: where they do not start; `make test` installs them.
  init(width: Int = 1280, height: Int = 900) throws {
    scratch = try Scratch()
    let log = try scratch.write("", to: "driver.log")
    driver = Process()
    driver.executableURL = URL(fileURLWithPath: "/usr/bin/chromedriver")
    driver.arguments = ["--port=0"]
    driver.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    driver.standardError = FileHandle.nullDevice
    try driver.run()
    port = try Self.port(log)
    let options: [String: Any] = [
      "binary": "/usr/bin/chromium",
      "args": [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=\(width),\(height)",
      ],
      "mobileEmulation": width < 500
        ? ["deviceMetrics": ["width": width, "height": height, "pixelRatio": 1]] as [String: Any]
        : nil,
    ].compactMapValues { $0 }
    let body: [String: Any] = [
      "capabilities": [
        "alwaysMatch": [
          "goog:chromeOptions": options, "goog:loggingPrefs": ["browser": "ALL"],
        ]
      ]
    ]
    do {
      let reply = try Self.ask(port, "POST", "/session", body)
      session = try #require((reply as? [String: Any])?["sessionId"] as? String)
    } catch {
      kill(driver.processIdentifier, SIGKILL)
      throw error
    }
  }

  deinit {
    _ = try? Self.ask(port, "DELETE", "/session/\(session)", nil)
    // The browser went with its session; the driver does not go when it is asked to.
    kill(driver.processIdentifier, SIGKILL)
    driver.waitUntilExit()
  }

  private static func port(_ log: String) throws -> Int {
    for _ in 0..<200 {
      let text = try String(contentsOfFile: log, encoding: .utf8)
      if let found = text.firstMatch(of: /started successfully on port (\d+)/),
        let port = Int(found.1)
      {
        return port
      }
      usleep(50_000)
    }
    throw Unanswered(what: "chromedriver did not start")
  }

  struct Unanswered: Error { let what: String }

  private static func ask(
    _ port: Int, _ method: String, _ path: String, _ body: [String: Any]?
  ) throws -> Any? {
    let json = method == "POST" ? try JSONSerialization.data(withJSONObject: body ?? [:]) : Data()
    let client = try RawClient(port, seconds: 60)
    client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        + "Content-Type: application/json\r\nContent-Length: \(json.count)\r\n\r\n")
    client.send(Array(json))
    guard let response = client.response() else { throw Unanswered(what: path) }
    let data = Data(response.body)
    let reply = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let value = reply?["value"]
    if let error = value as? [String: Any], let name = error["error"] as? String {
      throw Unanswered(what: "\(path): \(name): \(error["message"] ?? "")")
    }
    return value is NSNull ? nil : value
  }

  private func ask(_ method: String, _ path: String, _ body: [String: Any]? = nil) throws -> Any? {
    try Self.ask(port, method, "/session/\(session)\(path)", body)
  }

  // MARK: Pages

  /// Opens an address and waits until its page stands.
  func open(_ address: String) throws {
    _ = try ask("POST", "/url", ["url": "about:blank"])
    _ = try ask("POST", "/url", ["url": address])
    try settle()
  }

  /// Waits until no page is being made.
  func settle() throws {
    try wait("the page stands") {
      try script("return document.querySelector('main[aria-busy=false]') !== null") as? Bool == true
    }
  }

  func wait(_ what: String, seconds: Double = 20, _ holds: () throws -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if try holds() { return }
      usleep(50_000)
    }
    throw Unanswered(what: "waited in vain until \(what)")
  }

  func script(_ text: String, _ arguments: [Any] = []) throws -> Any? {
    try ask("POST", "/execute/sync", ["script": text, "args": arguments])
  }

  func text(_ selector: String) throws -> String? {
    try script("return document.querySelector(arguments[0])?.textContent", [selector]) as? String
  }

  func count(_ selector: String) throws -> Int {
    try script("return document.querySelectorAll(arguments[0]).length", [selector]) as? Int ?? 0
  }

  /// Clicks as a mouse does: the element must be visible.
  func click(_ selector: String) throws {
    _ = try ask("POST", "/element/\(try element(selector))/click")
  }

  /// Keys go to the element with the focus, as from a keyboard.
  func press(_ keys: String) throws {
    let actions = keys.flatMap { key in
      [["type": "keyDown", "value": String(key)], ["type": "keyUp", "value": String(key)]]
    }
    _ = try ask(
      "POST", "/actions", ["actions": [["type": "key", "id": "keyboard", "actions": actions]]])
  }

  func focus(_ selector: String) throws {
    _ = try script("document.querySelector(arguments[0]).focus()", [selector])
  }

  private func element(_ selector: String) throws -> String {
    let found = try ask("POST", "/element", ["using": "css selector", "value": selector])
    return try #require((found as? [String: String])?.values.first, "no element \(selector)")
  }

  /// What the browser has complained of since the last call: errors of scripts, refused content, failed
  /// requests.
  func complaints() throws -> [String] {
    let lines = try ask("POST", "/se/log", ["type": "browser"]) as? [[String: Any]] ?? []
    return lines.filter { ["SEVERE", "WARNING"].contains($0["level"] as? String) }
      .map { "\($0["message"] ?? "")" }
  }

  enum Key {
    static let tab = "\u{E004}"
    static let enter = "\u{E007}"
    static let right = "\u{E014}"
    static let down = "\u{E015}"
  }
}

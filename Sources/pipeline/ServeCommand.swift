import ArgumentParser
import Files
import Foundation
import Inspector
import Pages
import Records
import Stages
import WebServer

/// `pipeline serve RUNS_DIR`.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Show all runs of a folder in the browser, as they go on.",
    discussion: """
      Read-only: runs that are going on, crashed or finished are read through short transactions of \
      their queues, and nothing outside the folder is. Prometheus finds the newest step of every run at \
      /metrics.

      On loopback everybody on this machine may look. Any other --host needs a token, which is made and \
      printed once, or read from --token-file; the address with ?token= leaves it as a cookie, programs \
      send it as `Authorization: Bearer`. The server speaks HTTP without encryption: beyond a network that \
      you trust, put it behind an SSH tunnel (ssh -L 8420:localhost:8420 MACHINE).
      """)

  @Argument(help: ArgumentHelp("Folder with runs, or a run.", valueName: "runs"))
  var folder = "runs"
  @Option(help: ArgumentHelp("Name or address to listen on.", valueName: "host"))
  var host = "127.0.0.1"
  @Option(help: ArgumentHelp("Port; 0 for any that is free.", valueName: "port")) var port = 8420
  @Option(
    help: ArgumentHelp(
      "File with the token that requests must bring: 16 to 256 letters, digits, or any of . _ ~ -.",
      valueName: "file"))
  var tokenFile: String?
  @OptionGroup var options: FactOptions

  private struct Place: Encodable {
    var url: String
    var port: Int
    var folder: String
  }

  func validate() throws {
    guard (0...65_535).contains(port) else {
      throw ValidationError("--port is \(port); use 1 to 65535, or 0 for any that is free.")
    }
  }

  func run() throws {
    let interruption = Interruption()
    let library = try RunLibrary(folder: folder)
    var configuration = WebConfiguration()
    configuration.host = host
    configuration.port = port
    configuration.token = try token()
    let site = LiveSite(library)
    let server = try WebServer(configuration) { site.answer($0) }
    try announce(server.port, configuration.token)
    let news = LiveEvents(library, server.events)
    var looked = 0
    while interruption.status == nil {
      if looked % 10 == 0 { news.look() }
      looked += 1
      Thread.sleep(forTimeInterval: 0.1)
    }
    server.stop()
    if let status = interruption.status { throw ExitCode(status.rawValue) }
  }

  private func token() throws -> String? {
    if let tokenFile { return try AccessToken.read(tokenFile) }
    return AccessRules.isLoopback(host) ? nil : AccessToken.random()
  }

  private func announce(_ port: Int, _ token: String?) throws {
    let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    let query = token.map { tokenFile == nil ? "?token=\($0)" : "" } ?? ""
    let url = "http://\(name):\(port)/\(query)"
    if options.json {
      return try options.output.json(Place(url: url, port: port, folder: folder), isLine: true)
    }
    options.output.print(TerminalText.escaped("\(folder) at \(url)"))
    Output.note("pipeline: end it with Ctrl-C")
  }
}

/// What lets requests in.
enum AccessToken {
  private static let allowed = Set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-".utf8)

  static func read(_ path: String) throws -> String {
    let bytes: [UInt8]
    do { bytes = try RegularFile.read(path, limit: 4096) } catch {
      throw WebError(
        .badToken, at: path, "cannot read the token: \(error)", remedy: "Name a file with one line."
      )
    }
    let token = bytes.trimmingLineEnd
    guard (16...256).contains(token.count), token.allSatisfy(allowed.contains) else {
      throw WebError(
        .badToken, at: path, "it holds no token",
        remedy: "Write 16 to 256 letters, digits, or any of . _ ~ - on one line.")
    }
    return String(decoding: token, as: UTF8.self)
  }

  /// 192 bits from the system.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<24).map { _ in
      let digits = String(UInt8.random(in: 0...255, using: &generator), radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

extension [UInt8] {
  fileprivate var trimmingLineEnd: [UInt8] {
    Array(reversed().drop { $0 == 10 || $0 == 13 }.reversed())
  }
}

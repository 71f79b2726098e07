import Foundation
import NIOConcurrencyHelpers
import RawClient
import WebServer

/// A server on a port of its own, whose answers say what was asked.
final class TestServer: Sendable {
  let server: WebServer
  /// Paths that were asked for.
  var asked: [[String]] { paths.withLockedValue { $0 } }
  private let paths = NIOLockedValueBox<[[String]]>([])
  var port: Int { server.port }

  init(
    token: String? = nil, host: String = "127.0.0.1", _ change: (inout WebLimits) -> Void = { _ in }
  )
    throws
  {
    var configuration = WebConfiguration()
    configuration.port = 0
    configuration.host = host
    configuration.token = token
    change(&configuration.limits)
    server = try WebServer(configuration) { [paths] request in
      paths.withLockedValue { $0.append(request.path) }
      switch request.path.first {
      case "events": return .events(topics: ["a"])
      case "large":
        return .response(
          WebResponse(contentType: "text/plain", body: [UInt8](repeating: 0x61, count: 8 << 20)))
      case "slow": Thread.sleep(forTimeInterval: 0.3)
      default: break
      }
      let query = request.query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      let text = request.path.joined(separator: "|") + "?" + query.joined(separator: "&")
      return .response(
        WebResponse(contentType: "text/plain; charset=utf-8", body: Array(text.utf8)))
    }
  }

  deinit { server.stop() }

  func client() throws -> RawClient { try RawClient(port) }

  /// One request on a connection of its own.
  func ask(
    _ target: String, method: String = "GET", host: String? = "127.0.0.1", _ fields: [String] = []
  ) throws -> Response? {
    let client = try client()
    let lines = (host.map { ["Host: \($0)"] } ?? []) + fields
    client.send("\(method) \(target) HTTP/1.1\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n")
    return client.response()
  }

  /// Bytes of memory that this process holds, in files' pages it has mapped apart.
  static func memory() -> Int {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }
}

import Foundation
import RawClient
import Records
import Testing
import WebServer

@Suite struct WebServerTests {
  @Test func aRequestIsAnsweredWithStrictHeaders() throws {
    let server = try TestServer()
    let answer = try #require(try server.ask("/runs/a%2Fb%20c/?x=1+2&y=%C3%A9"))
    #expect(answer.status == 200 && answer.text == "runs|a/b c?x=1 2&y=é")
    #expect(answer["content-type"] == "text/plain; charset=utf-8")
    #expect(answer["x-content-type-options"] == "nosniff")
    #expect(answer["referrer-policy"] == "no-referrer")
    #expect(answer["cross-origin-opener-policy"] == "same-origin")
    #expect(answer["cross-origin-resource-policy"] == "same-origin")
    #expect(answer["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'")
    #expect(answer["cache-control"] == "no-store")
    #expect(answer["server"] == nil)
  }

  @Test func aConnectionServesOneRequestAfterTheOther() throws {
    let client = try TestServerHolder.shared.get().client()
    for number in 0..<20 {
      client.send("GET /n/\(number) HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let answer = client.response()
      #expect(answer?.text == "n|\(number)?" && answer?["connection"] == "keep-alive")
    }
    client.send("GET /n HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    #expect(client.response()?["connection"] == "close" && client.isEnded())
  }

  @Test func requestsThatDoNotWaitForTheirAnswersGetOneAndTheEnd() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send(
      String(repeating: "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 50))
    #expect(client.response()?["connection"] == "close" && client.isEnded())
    #expect(server.asked == [["slow"]])
  }

  @Test func headIsGetWithoutTheBody() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("HEAD /abc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    let text = String(decoding: client.readAll(), as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\n\r\n"))
    #expect(text.contains("\r\nContent-Length: 4\r\n"))
  }

  @Test(arguments: [
    "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PURGE",
  ]) func otherMethodsAreRefused(method: String) throws {
    let server = try TestServer()
    let target = method == "CONNECT" ? "localhost:80" : "/"
    let answer = try #require(try server.ask(target, method: method))
    #expect(answer.status == 405 && answer["allow"] == "GET, HEAD")
    #expect(server.asked.isEmpty)
  }

  @Test(arguments: [
    "/../etc/passwd", "/a/../../b", "/%2e%2e/etc/passwd", "/%2E%2e%2fetc/passwd", "/a%2f..%2fb",
    "/..%5c..%5cwindows", "/a\\b", "/./a", "/a//b", "//host/x", "/a%00b", "/%00", "/a%0ab",
    "/...", "/%zz", "/%", "/%a", "/%ff%fe", "/?a=1&a=2", "/?a=%", "/?a=%00", "*", "http://x/y", "a",
    "/a#b", "/" + String(repeating: "a/", count: 40),
    "/?" + (0..<50).map { "p\($0)=1" }.joined(separator: "&"),
  ]) func targetsThatLeadElsewhereAreRefused(target: String) throws {
    let server = try TestServer()
    let answer = try #require(try server.ask(target))
    #expect(answer.status == 400, "\(target): \(answer.status)")
    #expect(server.asked.isEmpty, "\(target)")
  }

  /// Decoded once, such a part is an odd name and nothing else.
  @Test func whatIsEncodedTwiceStaysANamed() throws {
    let server = try TestServer()
    let answer = try server.ask("/%252e%252e/%252Fetc")
    #expect(answer?.status == 200 && answer?.text == "%2e%2e|%2Fetc?")
  }

  @Test func aRequestWithABodyOrTooLongIsRefused() throws {
    let server = try TestServer()
    #expect(try server.ask("/", ["Content-Length: 5"])?.status == 413)
    #expect(try server.ask("/", ["Transfer-Encoding: chunked"])?.status == 413)
    #expect(try server.ask("/" + String(repeating: "a", count: 9000))?.status == 414)
    #expect(try server.ask("/", ["X: " + String(repeating: "a", count: 20_000)])?.status == 431)
    let many = (0..<3000).map { "X\($0): y" }
    #expect(try server.ask("/", many)?.status == 431)
    #expect(server.asked.isEmpty)
    #expect(try server.ask("/", ["Content-Length: 0"])?.status == 200)
  }

  @Test func anErrorIsSaidAsPagesReadIt() throws {
    let server = try TestServer()
    let answer = try #require(try server.ask("/..%00"))
    let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: [String: Any]]
    #expect(json?["error"]?["problem"] is String && json?["error"]?["remedy"] is String)
    #expect(answer["content-type"] == "application/json; charset=utf-8")
  }

  @Test func twoServersDoNotShareAPort() throws {
    let server = try TestServer()
    var configuration = WebConfiguration()
    configuration.port = server.port
    let error = #expect(throws: WebError.self) {
      _ = try WebServer(configuration) { _ in .events(topics: []) }
    }
    #expect(error?.code == .cannotBegin && error?.exitStatus == .runFailed)
  }
}

/// One server for the tests that change nothing about it.
private enum TestServerHolder {
  static let shared = Result { try TestServer() }
}

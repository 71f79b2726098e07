import Foundation
import RawClient
import Testing
import WebServer

@Suite struct EventTests {
  private static let request = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"

  /// What has come until it holds `text`.
  private func read(_ client: RawClient, until text: String) -> String {
    var all = ""
    while !all.contains(text), let piece = client.read() {
      all += String(decoding: piece, as: UTF8.self)
    }
    return all
  }

  @Test func whoListensHearsItsTopicAndSignsOfLife() throws {
    let server = try TestServer { $0.heartbeatSeconds = 1 }
    let client = try server.client()
    client.send(Self.request)
    let head = read(client, until: ": here\n\n")
    #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(head.contains("Content-Type: text/event-stream") && !head.contains("Content-Length"))
    #expect(server.server.events.topics == ["a"])
    server.server.events.publish(WebEvent(name: "commit", data: "{\"n\":0}"), to: "b")
    server.server.events.publish(WebEvent(name: "commit", data: "{\"n\":1}"), to: "a")
    let heard = read(client, until: "event: commit\ndata: {\"n\":1}\n\n")
    #expect(heard.contains("event: commit\ndata: {\"n\":1}\n\n") && !heard.contains("\"n\":0"))
    #expect(read(client, until: ": here\n\n").contains(": here\n\n"))
  }

  @Test func whoGoesIsForgotten() throws {
    let server = try TestServer()
    do {
      let client = try server.client()
      client.send(Self.request)
      _ = read(client, until: ": here")
    }
    let deadline = Date() + 5
    while !server.server.events.topics.isEmpty, Date() < deadline {
      Thread.sleep(forTimeInterval: 0.01)
    }
    #expect(server.server.events.topics.isEmpty)
  }

  @Test func whoDoesNotReadIsDropped() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send(Self.request)
    _ = read(client, until: ": here")
    let event = WebEvent(name: "commit", data: String(repeating: "x", count: 1 << 16))
    let before = TestServer.memory()
    let deadline = Date() + 20
    while !server.server.events.topics.isEmpty, Date() < deadline {
      server.server.events.publish(event, to: "a")
      Thread.sleep(forTimeInterval: 0.001)
    }
    #expect(server.server.events.topics.isEmpty)
    #expect(TestServer.memory() - before < 64 << 20)
    withExtendedLifetime(client) {}
  }

  @Test func thereIsAPlaceForSoManyAndOthersAreToldToComeAgain() throws {
    let server = try TestServer { $0.eventClients = 2 }
    var clients: [RawClient] = []
    for _ in 0..<2 {
      let client = try server.client()
      client.send(Self.request)
      _ = read(client, until: ": here")
      clients.append(client)
    }
    #expect(try server.ask("/events")?.status == 503)
    #expect(try server.ask("/events", method: "HEAD")?.status == 503)
    clients.removeFirst()
    let deadline = Date() + 5
    var status: Int?
    while status != 200, Date() < deadline {
      let client = try server.client()
      client.send(Self.request)
      status = client.response()?.status
      Thread.sleep(forTimeInterval: 0.01)
    }
    #expect(status == 200)
    withExtendedLifetime(clients) {}
  }

  @Test func aServerThatStopsEndsItsStreams() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send(Self.request)
    _ = read(client, until: ": here")
    server.server.stop()
    #expect(client.isEnded())
    #expect(throws: (any Error).self) { try server.client() }
  }
}

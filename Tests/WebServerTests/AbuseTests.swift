import Foundation
import RawClient
import Testing
import WebServer

/// Whatever clients do, the server goes on answering others, in bounded memory. One test after the other:
/// they look at the memory of the whole process.
@Suite(.serialized) struct AbuseTests {
  private func expectAlive(_ server: TestServer) throws {
    let answer = try server.ask("/alive")
    #expect(answer?.status == 200)
  }

  @Test func clientsThatNeverFinishTheirRequestAreEnded() throws {
    let server = try TestServer { $0.headSeconds = 1 }
    let silent = try server.client()
    let half = try server.client()
    half.send("GET / HTTP/1.1\r\nHost: local")
    let drip = try server.client()
    drip.send("GET / HTTP/1.1\r\n")
    // A field now and then does not extend the time.
    for number in 0..<8 {
      drip.send("X\(number): y\r\n")
      Thread.sleep(forTimeInterval: 0.2)
    }
    #expect(silent.isEnded() && half.isEnded() && drip.isEnded())
    try expectAlive(server)
    #expect(server.asked == [["alive"]])
  }

  @Test func aConnectionThatRestsIsEnded() throws {
    let server = try TestServer { $0.idleSeconds = 1 }
    let client = try server.client()
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(client.response()?.status == 200 && client.isEnded())
  }

  @Test func anAnswerThatNobodyReadsIsGivenUp() throws {
    let server = try TestServer {
      $0.writeSeconds = 1
      $0.idleSeconds = 1
    }
    let clients = try (0..<20).map { _ in try server.client() }
    for client in clients { client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n") }
    // 8 MB each: 16 fit into what may be under way, the others are told so.
    let deadline = Date() + 10
    while server.asked.count < 20 || server.server.connections > 0, Date() < deadline {
      Thread.sleep(forTimeInterval: 0.01)
    }
    #expect(server.asked.count == 20 && server.server.connections == 0)
    withExtendedLifetime(clients) {}
    try expectAlive(server)
    // What was set aside for them is free again.
    let whole = try server.ask("/large")
    #expect(whole?.body.count == 8 << 20)
  }

  @Test func answersUnderWayAreBoundedInBytes() throws {
    let server = try TestServer { $0.answerBytes = 12 << 20 }
    let first = try server.client()
    first.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(first.read() != nil)
    let second = try server.ask("/large")
    #expect(second?.status == 503 && second?["retry-after"] == "1")
    _ = first.readAllOfLarge()
    #expect(try server.ask("/large")?.status == 200)
  }

  @Test func aThousandConnectionsAtOnceKeepNobodyOut() throws {
    let server = try TestServer()
    try expectAlive(server)
    let before = TestServer.memory()
    var clients: [RawClient] = []
    for number in 0..<1000 {
      let client = try server.client()
      // A third says nothing, a third half a request, a third asks.
      if number % 3 == 1 { client.send("GET /half HTTP/1.1\r\nHo") }
      if number % 3 == 2 {
        client.send("GET /n/\(number) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(client.response()?.text == "n|\(number)?", "\(number)")
      }
      clients.append(client)
    }
    for _ in 0..<20 { try expectAlive(server) }
    #expect(server.server.connections <= 512)
    let grown = TestServer.memory() - before
    #expect(grown < 64 << 20, "\(grown) bytes for 1,000 connections")
    withExtendedLifetime(clients) {}
  }

  @Test func floodsOfHeadersAndGarbageTakeNoMemory() throws {
    let server = try TestServer()
    try expectAlive(server)
    let before = TestServer.memory()
    var random = SystemRandomNumberGenerator()
    let flood = (0..<(1 << 18)).map { _ in UInt8.random(in: 0...255, using: &random) }
    let heads = [
      "", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "GET /",
      "POST / HTTP/1.1\r\n",
      "\u{16}\u{3}\u{1}", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n", "\0\0\0\0", "GET  / HTTP/1.1\r\n\r\n",
    ]
    for number in 0..<44 {
      let client = try server.client()
      client.send(heads[number % heads.count])
      // All of it goes only where the server reads it all, or has not said no yet.
      client.send(flood)
      #expect(client.isEnded())
    }
    try expectAlive(server)
    let grown = TestServer.memory() - before
    #expect(grown < 32 << 20, "\(grown) bytes")
    #expect(server.asked.allSatisfy { $0 == ["alive"] || $0 == [] })
  }

  @Test func endsOfOneSideAndResetsLeaveNothing() throws {
    let server = try TestServer()
    for _ in 0..<200 {
      let client = try server.client()
      client.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
      client.endOutput()
    }
    for _ in 0..<200 { try server.client().endOutput() }
    let deadline = Date() + 60
    while server.server.connections > 0, Date() < deadline { Thread.sleep(forTimeInterval: 0.05) }
    #expect(server.server.connections == 0)
    try expectAlive(server)
  }
}

extension RawClient {
  /// The rest of an answer of 8 MiB.
  fileprivate func readAllOfLarge() -> Int {
    var count = 0
    while count < 8 << 20 - 1 << 17, let piece = read() { count += piece.count }
    return count
  }
}

import Foundation
import RawClient
import Testing
import WebServer

@Suite struct AccessTests {
  @Test(arguments: [
    ("localhost", 200), ("LOCALHOST:99", 200), ("127.0.0.1:1", 200), ("127.9.9.9", 200),
    ("[::1]", 200),
    ("[::1]:8420", 200), ("evil.example", 421), ("localhost.evil.example", 421),
    ("127.0.0.1.nip.io", 421),
    ("10.0.0.1", 421), ("", 421), ("localhost:80:80", 421), ("localhost:abc", 421), ("[::1", 421),
    ("[::1]x", 421), ("127.0.0.256", 421), ("evil@localhost", 421), ("localhost, evil", 421),
    ("127.0.0.1/..", 421),
  ]) func onlyNamesOfTheMachineItselfAreAnswered(host: String, status: Int) throws {
    let server = try TestServer()
    #expect(try server.ask("/", host: host)?.status == status, "\(host)")
  }

  @Test func exactlyOneHostIsAskedFor() throws {
    let server = try TestServer()
    #expect(try server.ask("/", host: nil)?.status == 400)
    #expect(try server.ask("/", ["Host: localhost"])?.status == 400)
  }

  @Test func pagesOfOtherSitesMayOnlyLinkHere() throws {
    let server = try TestServer()
    let cases: [([String], Int)] = [
      (["Origin: http://127.0.0.1"], 200), (["Origin: http://evil.example"], 403),
      (["Origin: null"], 403), (["Origin: http://127.0.0.1.evil.example"], 403),
      (["Origin: http://127.0.0.1", "Origin: http://evil.example"], 403),
      (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"], 200),
      (["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"], 200),
      (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200),
      (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
      (["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"], 403),
    ]
    for (fields, status) in cases {
      #expect(try server.ask("/", fields)?.status == status, "\(fields)")
    }
  }

  @Test func withATokenNothingIsAnsweredWithoutIt() throws {
    let server = try TestServer(token: "s3cret-token")
    for fields in [
      [], ["Authorization: Bearer s3cret-tokem"], ["Authorization: Bearer s3cret-toke"],
      ["Authorization: Basic s3cret-token"], ["Cookie: temper_token=x; a=s3cret-token"],
      ["Cookie: x_temper_token=s3cret-token"],
    ] {
      let answer = try server.ask("/a", fields)
      #expect(answer?.status == 401 && answer?["www-authenticate"] == "Bearer", "\(fields)")
      #expect(answer?.text.contains("s3cret") == false)
    }
    #expect(try server.ask("/?token=wrong")?.status == 401)
    #expect(server.asked.isEmpty)
    #expect(try server.ask("/a", ["Authorization: bearer s3cret-token"])?.status == 200)
    #expect(try server.ask("/a", ["Cookie: a=b; temper_token=s3cret-token; c=d"])?.status == 200)
  }

  /// A comparison that forgets what it has seen lets some of these in.
  @Test func noTokenThatDiffersInABitIsTheServers() {
    let token = "0123456789abcdef"
    let rules = AccessRules(host: "127.0.0.1", machine: "box", token: token)
    func isIn(_ given: String) -> Bool {
      let fields = ["host": ["localhost"], "authorization": ["Bearer \(given)"]]
      do { return try rules.verdict([:]) { fields[$0] ?? [] } == .answer } catch { return false }
    }
    #expect(isIn(token))
    for index in token.utf8.indices {
      for bit in 0..<7 {
        var bytes = Array(token.utf8)
        bytes[token.utf8.distance(from: token.startIndex, to: index)] ^= 1 << bit
        #expect(!isIn(String(decoding: bytes, as: UTF8.self)), "bit \(bit)")
      }
    }
    #expect(!isIn("") && !isIn(String(token.dropLast())) && !isIn(token + "0"))
    #expect(!isIn(String(repeating: "0", count: 16)) && !isIn(String(repeating: "f", count: 16)))
  }

  @Test func aTokenInTheAddressBecomesACookieAndLeavesIt() throws {
    let server = try TestServer(token: "s3cret-token")
    let answer = try #require(try server.ask("/runs/x%20y?b=1&token=s3cret-token&c=2"))
    #expect(answer.status == 303 && answer["location"] == "/runs/x%20y?b=1&c=2")
    #expect(answer["set-cookie"] == "temper_token=s3cret-token; HttpOnly; SameSite=Strict; Path=/")
    #expect(try server.ask("/?token=s3cret-token")?["location"] == "/")
    #expect(server.asked.isEmpty)
  }

  @Test func beyondLoopbackAddressesAreAnsweredAndForeignNamesAreNot() throws {
    let rules = AccessRules(host: "0.0.0.0", machine: "Box.lan", token: "t")
    func status(_ host: String) -> Int {
      do {
        _ = try rules.verdict([:]) { name in
          ["host": [host], "authorization": ["Bearer t"]][name] ?? []
        }
        return 200
      } catch { return error.status }
    }
    for host in ["10.1.2.3:8420", "[fd00::1]:8420", "box.lan", "localhost", "127.0.0.1"] {
      #expect(status(host) == 200, "\(host)")
    }
    for host in ["evil.example", "10.1.2.3.evil.example", "1.2.3", "[evil]"] {
      #expect(status(host) == 421, "\(host)")
    }
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("127.1.2.3", true), ("localhost", true), ("::1", true),
    ("0.0.0.0", false), ("127.evil.example", false), ("10.0.0.1", false), ("::", false),
  ]) func whatIsLoopback(host: String, isLoopback: Bool) {
    #expect(AccessRules.isLoopback(host) == isLoopback)
  }
}

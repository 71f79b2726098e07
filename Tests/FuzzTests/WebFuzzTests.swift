import Foundation
import Records
import Testing
import WebServer

/// What clients of `pipeline serve` write into the first line and the head of a request.
@Suite struct WebFuzzTests {
  @Test func requestTargets() {
    let corpus = [
      "/api/runs/quickstart-1/groups?where=reward%3D1+and+length%3E400&sort=step&descending=1",
      "/api/runs/a%2Fevaluations%2F00000-suite/groups/12?under=grpo&colour=weight",
      "/api/compare?runs=a,b", "/?token=abc", "/metrics", "/api/events?run=%C3%A9",
    ].map { Array($0.utf8) }
    let words = [
      "../", "%2e%2e", "%2E", "..%2f", "%252e", "%00", "%5c", "\\", "//", "/./", "?", "&", "=", "+",
      "#",
      "%", "%zz", "%ff", "%c0%af", "http://", "*", ";",
    ]
    Fuzzing.expectSound(
      FuzzTarget(name: "request-target", corpus: corpus, words: words) { bytes in
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        let target = try RequestTarget(text)
        let parts = target.path.flatMap {
          $0.split(separator: "/", omittingEmptySubsequences: false)
        }
        let isInside = parts.allSatisfy { part in
          !part.isEmpty && part != "." && part != ".."
            && part.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\\" && $0.value != 0x7F }
        }
        guard isInside else { throw BrokenPromise(what: "a path that leads elsewhere") }
        // Written again by the rules, it is the same.
        guard try RequestTarget(Self.encoded(target)) == target else {
          throw BrokenPromise(what: "another target")
        }
      })
  }

  private static func encoded(_ target: RequestTarget) -> String {
    func escaped(_ text: String) -> String {
      text.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    let path = target.path.map { "/" + escaped($0) }.joined()
    let query = target.query.map { "\(escaped($0.key))=\(escaped($0.value))" }
    return (path.isEmpty ? "/" : path) + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
  }

  /// Fields of a head, a line each: `name: value`.
  @Test func accessRules() {
    let rules = AccessRules(host: "0.0.0.0", machine: "box", token: "0123456789abcdef")
    let corpus = [
      "host: 10.0.0.1:8420\nauthorization: Bearer 0123456789abcdef",
      "host: [fd00::1]:1\ncookie: a=b; temper_token=0123456789abcdef\norigin: http://[fd00::1]:1",
      "host: box\nsec-fetch-site: same-origin\nsec-fetch-mode: cors\ncookie: temper_token=0123456789abcdef",
    ].map { Array($0.utf8) }
    let words = [
      "host: ", "origin: ", "cookie: ", "authorization: ", "localhost", "evil.example", ":80", "[",
      "]",
      "Bearer ", "temper_token=", "; ", "null", "127.0.0.1", "sec-fetch-site: ", "\n",
    ]
    Fuzzing.expectSound(
      FuzzTarget(name: "access-rules", corpus: corpus, words: words) { bytes in
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
          $0.split(separator: ":", maxSplits: 1).map(String.init)
        }
        let fields = { (name: String) in
          lines.filter { $0.count == 2 && $0[0] == name }.map {
            String($0[1].drop { $0 == " " })
          }
        }
        _ = try rules.verdict([:], fields)
        let isKnown = fields("authorization") + fields("cookie")
        guard isKnown.contains(where: { $0.contains("0123456789abcdef") }) else {
          throw BrokenPromise(what: "an answer without the token")
        }
        guard fields("host").count == 1, !fields("host")[0].contains("evil") else {
          throw BrokenPromise(what: "an answer under a foreign name")
        }
      })
  }
}

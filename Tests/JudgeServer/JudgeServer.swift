import Foundation
import Synchronization

/// An OpenAI-compatible endpoint on a port of this machine: fails, stalls and lies as a hash of the
/// question and the attempt says, so that every run of a test sees the same.
public final class JudgeServer: Sendable {
  public struct Request: Sendable {
    /// The mark between the parts of the message, which stands for the question.
    public var mark: String
    public var seed: Int
    public var body: String
    public var authorization: String?
    public var conduct: Conduct
  }

  public enum Conduct: String, CaseIterable, Sendable {
    case score, busy, refused, broken, cut, offScale, otherSchema, noJSON, closed, stalled, huge,
      redirected, fenced
  }

  public let port: UInt16
  private let listener: Int32
  private let conduct: @Sendable (_ mark: String, _ seed: Int) -> Conduct
  private let says: (@Sendable (_ question: String, _ seed: Int) -> String)?
  private let log = Mutex<[Request]>([])

  public var url: String { "http://127.0.0.1:\(port)/v1" }
  public var requests: [Request] { log.withLock { $0 } }

  /// - Parameter says: what it answers where no judge is asked; a request's mark is its last message then.
  public init(
    says: (@Sendable (_ question: String, _ seed: Int) -> String)? = nil,
    _ conduct: @escaping @Sendable (String, Int) -> Conduct
  ) throws {
    self.conduct = conduct
    self.says = says
    signal(SIGPIPE, SIG_IGN)
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(listener, $0, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { [self] in
          serve(connection)
          Foundation.close(connection)
        }
      }
    }
  }

  public func close() { shutdown(listener, Int32(SHUT_RDWR)) }

  /// Deterministic by content.
  public static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  private func serve(_ connection: Int32) {
    var bytes: [UInt8] = []
    while let (head, body) = Self.receive(connection, &bytes) {
      let text = String(decoding: body, as: UTF8.self)
      guard let value = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
        let seed = value["seed"] as? Int,
        let mark = says == nil
          ? text.firstRange(of: "<<RESPONSE ").map({ text[$0.upperBound...].prefix(16) })
          : ((value["messages"] as? [[String: Any]])?.last?["content"] as? String)?[...]
      else { return }
      let conduct = conduct(String(mark), seed)
      let authorization = head.split(separator: "\r\n").first {
        $0.lowercased().hasPrefix("authorization:")
      }
      log.withLock {
        $0.append(
          Request(
            mark: String(mark), seed: seed, body: text,
            authorization: authorization.map { String($0.dropFirst(15)) }, conduct: conduct))
      }
      guard answer(connection, conduct, String(mark), seed) else { return }
    }
  }

  /// - Returns: whether the connection stays.
  private func answer(
    _ connection: Int32, _ conduct: Conduct, _ mark: String, _ seed: Int
  ) -> Bool {
    let score = Int(Self.hash(mark) % 10) + 1
    func message(_ content: String, finish: String = "stop") -> Bool {
      let body: [String: Any] = [
        "choices": [["message": ["content": content], "finish_reason": finish]],
        "usage": ["prompt_tokens": 100, "completion_tokens": 10],
      ]
      let data = try? JSONSerialization.data(withJSONObject: body)
      return Self.send(connection, "200 OK", String(decoding: data ?? Data(), as: UTF8.self))
    }
    let judgement =
      says?(mark, seed) ?? #"{"reasoning": "as asked", "score": \#(score)}"#
    switch conduct {
    case .score: return message(judgement)
    case .fenced: return message("<think>10?</think>\n```json\n\(judgement)\n```\n")
    case .cut: return message(judgement, finish: "length")
    case .offScale: return message(#"{"reasoning": "great", "score": 11}"#)
    case .otherSchema: return message(#"{"score": 10}"#)
    case .noJSON: return message("SCORE: 10")
    case .broken: return Self.send(connection, "200 OK", "{\"choices\":")
    case .busy: return Self.send(connection, "503 Busy", "", further: "Retry-After: 0\r\n")
    case .refused: return Self.send(connection, "401 No", "{}")
    case .redirected:
      return Self.send(connection, "307 Elsewhere", "", further: "Location: \(url)/other\r\n")
    case .closed: return false
    case .huge: return Self.send(connection, "200 OK", String(repeating: " ", count: 6 << 20))
    case .stalled:
      Thread.sleep(forTimeInterval: 1.5)
      return false
    }
  }

  private static func send(
    _ connection: Int32, _ status: String, _ body: String, further: String = ""
  ) -> Bool {
    let text =
      "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(further)"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// One request: its head and its body; nil at the end of the connection.
  private static func receive(
    _ connection: Int32, _ bytes: inout [UInt8]
  ) -> (head: String, body: [UInt8])? {
    let end: [UInt8] = [13, 10, 13, 10]
    while true {
      if let place = bytes.firstRange(of: end) {
        let head = String(decoding: bytes[..<place.lowerBound], as: UTF8.self)
        let length =
          head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
        if bytes.count >= place.upperBound + length {
          let body = Array(bytes[place.upperBound..<place.upperBound + length])
          bytes.removeFirst(place.upperBound + length)
          return (head, body)
        }
        if head.lowercased().contains("expect: 100-continue") {
          let going = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
          _ = unsafe going.withUnsafeBytes { unsafe write(connection, $0.baseAddress, $0.count) }
        }
      }
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(connection, $0.baseAddress, $0.count)
      }
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
    }
  }
}

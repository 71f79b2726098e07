import Foundation

/// A TCP connection that sends what it is told, HTTP or not, and reads what comes.
package final class RawClient {
  private let descriptor: Int32

  /// - Throws: where nobody listens, or no descriptor is left.
  package init(_ port: Int, seconds: Int = 10) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw POSIXError(.EMFILE) }
    var wait = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      _ = unsafe setsockopt(
        descriptor, SOL_SOCKET, option, &wait, socklen_t(MemoryLayout<timeval>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, size)
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw POSIXError(.ECONNREFUSED)
    }
  }

  deinit { close(descriptor) }

  /// - Returns: whether all of it went.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  @discardableResult
  package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Says that it will send nothing more.
  package func endOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// What comes until the server closes, or nothing has come for the client's time.
  package func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = read() { bytes += piece }
    return bytes
  }

  /// The next bytes; nil at the end, or when none come in time.
  package func read() -> [UInt8]? {
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe piece.withUnsafeMutableBytes {
      unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
    }
    return count > 0 ? Array(piece[..<count]) : nil
  }

  /// Whether the server has ended the connection: 0 bytes, or a reset, but no waiting in vain.
  package func isEnded() -> Bool {
    while true {
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      if count == 0 { return true }
      if count < 0 { return errno == ECONNRESET || errno == EPIPE }
    }
  }

  /// The next response: its head's lines and its body, by its length.
  package func response() -> Response? {
    var bytes: [UInt8] = []
    let end: [UInt8] = [13, 10, 13, 10]
    while bytes.firstRange(of: end) == nil {
      guard let piece = read() else { return nil }
      bytes += piece
    }
    guard let range = bytes.firstRange(of: end) else { return nil }
    var response = Response(head: String(decoding: bytes[..<range.lowerBound], as: UTF8.self))
    response.body = Array(bytes[range.upperBound...])
    let length = response["content-length"].flatMap { Int($0) } ?? 0
    while response.body.count < length, let piece = read() { response.body += piece }
    return response
  }
}

package struct Response {
  package var status: Int
  package var fields: [(name: String, value: String)]
  package var body: [UInt8] = []

  package init(head: String) {
    let lines = head.components(separatedBy: "\r\n")
    status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    fields = lines.dropFirst().map { line in
      let halves = line.split(separator: ":", maxSplits: 1)
      return (
        halves[0].lowercased(), halves.count > 1 ? halves[1].drop { $0 == " " }.description : ""
      )
    }
  }

  package var text: String { String(decoding: body, as: UTF8.self) }

  package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}

import Foundation

/// Our ends of a program's three streams, none of which blocks.
final class ChildStreams {
  private var input: Int32?
  private var output: Int32?
  private var errors: Int32?

  /// Bytes for its stdin that are not written yet.
  private var pending: ArraySlice<UInt8> = []
  /// What came from stdout and is not taken yet.
  private(set) var received: [UInt8] = []
  /// The end of what came from stderr.
  private(set) var complaints: [UInt8] = []
  /// Bytes that came from stdout and stderr.
  private(set) var receivedCount = 0

  init(_ pipes: ChildPipes) {
    input = pipes.ours[0]
    output = pipes.ours[1]
    errors = pipes.ours[2]
  }

  deinit { close() }

  /// Whether both of its output streams have come to their end.
  var isAtEnd: Bool { output == nil && errors == nil }
  var hasOutputEnded: Bool { output == nil }

  func send(_ bytes: [UInt8]) { pending = pending + bytes }

  /// The first bytes that came from stdout, which are then gone.
  func take(_ count: Int) -> [UInt8] {
    defer { received.removeFirst(count) }
    return Array(received.prefix(count))
  }

  /// Waits for any stream, at most `milliseconds`, and moves what can be moved.
  /// - Parameter endsInput: close its stdin when everything is sent.
  func move(milliseconds: Int32, endsInput: Bool = false) {
    if endsInput, pending.isEmpty { Self.close(&input) }
    var polls: [pollfd] = []
    if let input, !pending.isEmpty {
      polls.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0))
    }
    for stream in [output, errors].compactMap({ $0 }) {
      polls.append(pollfd(fd: stream, events: Int16(POLLIN), revents: 0))
    }
    guard unsafe poll(&polls, nfds_t(polls.count), milliseconds) > 0 else { return }
    for entry in polls where entry.revents != 0 {
      if entry.fd == input {
        write()
      } else if entry.fd == output {
        read(&output) { received += $0 }
      } else {
        read(&errors) { complaints = Array((complaints + $0).suffix(2000)) }
      }
    }
  }

  func close() {
    Self.close(&input)
    Self.close(&output)
    Self.close(&errors)
  }

  private func write() {
    guard let stream = input else { return }
    let count = unsafe pending.withUnsafeBytes {
      unsafe Foundation.write(stream, $0.baseAddress, $0.count)
    }
    if count > 0 { pending = pending.dropFirst(count) }
    guard count < 0, errno != EAGAIN, errno != EINTR else { return }
    // It reads no more: what it was to be told is of no account.
    pending = []
    Self.close(&input)
  }

  private func read(_ stream: inout Int32?, _ keep: (ArraySlice<UInt8>) -> Void) {
    guard let descriptor = stream else { return }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe Foundation.read(descriptor, $0.baseAddress, $0.count)
    }
    if count > 0 {
      receivedCount += count
      keep(buffer[..<count])
    } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
      Self.close(&stream)
    }
  }

  private static func close(_ stream: inout Int32?) {
    if let descriptor = stream { Foundation.close(descriptor) }
    stream = nil
  }
}

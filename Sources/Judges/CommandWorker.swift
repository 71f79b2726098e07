import Foundation

/// A started program that is asked one question after the other. Used by one thread at a time.
final class CommandWorker: @unchecked Sendable {
  enum Reply {
    case line([UInt8])
    /// There was no answer in time, or nobody waits for it any more.
    case late
    /// The program went; how, and the last thing it complained of.
    case ended(String)
  }

  /// Of an answer.
  private static let longestLine = 1 << 20

  private let process: ChildProcess
  private var hasEnded = false

  init(_ program: [String]) throws(JudgeError) { process = try ChildProcess(program) }

  deinit { end() }

  func end() {
    guard !hasEnded else { return }
    hasEnded = true
    process.end()
  }

  /// Sends a line and waits for one.
  func ask(
    _ line: [UInt8], seconds: Double, unless isStopped: () -> Bool
  ) -> Reply {
    let streams = process.streams
    streams.send(line)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    var searched = 0
    while true {
      if let place = streams.received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        return .line(Array(streams.take(place + 1).dropLast()))
      }
      searched = streams.received.count
      if searched > Self.longestLine { return ended("an answer of over \(Self.longestLine) bytes") }
      if streams.hasOutputEnded { return ended(nil) }
      let rest = clock.now.duration(to: end) / .milliseconds(1)
      guard rest > 0, !isStopped() else { return .late }
      streams.move(milliseconds: Int32(min(50, rest.rounded(.up))))
    }
  }

  private func ended(_ problem: String?) -> Reply {
    // It has closed its output; a moment later it may have said why.
    process.streams.move(milliseconds: 20)
    let complaint =
      String(decoding: process.streams.complaints, as: UTF8.self)
      .split(whereSeparator: \.isNewline).last
    hasEnded = true
    let status = process.end()
    let how =
      status & 0x7F == 0
      ? "exit \((status >> 8) & 0xFF)"
      : status & 0x7F == SIGKILL ? "killed" : "signal \(status & 0x7F)"
    return .ended((problem ?? how) + (complaint.map { ", \"\($0)\"" } ?? ""))
  }
}

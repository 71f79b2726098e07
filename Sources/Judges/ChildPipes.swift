import CProcess
import Foundation

/// The ends of three pipes.
struct ChildPipes {
  /// stdin to write to, stdout and stderr to read from.
  let ours: [Int32]
  /// stdin, stdout, stderr.
  let theirs: [Int32]

  init() throws(JudgeError) {
    var ours: [Int32] = []
    var theirs: [Int32] = []
    for stream in 0..<3 {
      var ends: [Int32] = [0, 0]
      guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else {
        let reason = ChildProcess.reason(errno)
        for end in ours + theirs { close(end) }
        throw JudgeError(
          .file, at: "pipe", reason, remedy: "Raise the limit of open files (`ulimit -n`).")
      }
      // Of a pipe the first end reads.
      ours.append(ends[stream == 0 ? 1 : 0])
      theirs.append(ends[stream == 0 ? 0 : 1])
    }
    for end in ours { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    self.ours = ours
    self.theirs = theirs
  }

  func closeOurs() { for end in ours { close(end) } }
  func closeTheirs() { for end in theirs { close(end) } }
}

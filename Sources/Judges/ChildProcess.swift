import CProcess
import Foundation
import Records

/// A program that is running, with pipes to its three streams. Used by one thread at a time.
///
/// It leads a process group of its own, which ends with it; no descriptor but the three is inherited.
final class ChildProcess {
  let id: pid_t
  let streams: ChildStreams

  init(id: pid_t, streams: ChildStreams) {
    self.id = id
    self.streams = streams
  }

  /// Starts `arguments[0]`, looked for in PATH, in this process' environment and folder.
  /// - Throws: `JudgeError` with the system's reason.
  init(_ arguments: [String]) throws(JudgeError) {
    // Writing to a program that has gone is an error to see and no end of this process.
    signal(SIGPIPE, SIG_IGN)
    let pipes = try ChildPipes()
    var id: pid_t = 0
    let code = Self.spawn(arguments, pipes, &id)
    pipes.closeTheirs()
    guard code == 0 else {
      pipes.closeOurs()
      throw JudgeError(
        .missing, at: arguments[0], "it cannot be started: \(Self.reason(code))",
        remedy: "Check the program's path and permissions.")
    }
    self.id = id
    streams = ChildStreams(pipes)
  }

  /// Kills the group and waits for the program.
  /// - Returns: how it ended, as waitpid says it.
  @discardableResult
  func end() -> Int32 {
    // The group's id is the program's; where it has just been started the group may not be there yet.
    if kill(-id, SIGKILL) != 0 { kill(id, SIGKILL) }
    streams.close()
    var status: Int32 = 0
    while unsafe waitpid(id, &status, 0) < 0, errno == EINTR {}
    return status
  }

  static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

  private static func spawn(
    _ arguments: [String], _ pipes: ChildPipes, _ id: inout pid_t
  ) -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    // Ours are closed by the start of the program (O_CLOEXEC), these copies are not.
    for (number, end) in pipes.theirs.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, end, Int32(number))
    }
    unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    unsafe sigemptyset(&defaults)
    unsafe sigaddset(&defaults, SIGPIPE)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
    let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in 0...arguments.count { unsafe free(words[index]) } }
    return unsafe posix_spawnp(&id, arguments[0], &actions, &attributes, words, environ)
  }
}

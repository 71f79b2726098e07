import CSandbox
import Foundation

extension Sandbox {
  /// Tries the sandbox with a program that does nothing.
  /// - Throws: `.noSandbox`, which names what the machine lacks.
  func probe() throws(JudgeError) {
    guard let program = Self.program("true") else {
      throw Self.missing("there is no program `true`", code: 0)
    }
    let result = try run(
      Program(arguments: [program], fileName: "probe", file: [], input: []), unless: { false })
    guard result.end == .exit(0) else {
      throw Self.missing("a program that does nothing ended as \(result.end)", code: 0)
    }
  }

  /// What this machine lacks that a sandbox can do without; nil: nothing.
  static var weakness: String? {
    let version = sandbox_landlock_version()
    return version > 0 ? nil : "the kernel has no Landlock: files are kept apart by mounts alone"
  }

  static func failure(_ step: Int32, _ code: Int32) -> JudgeError {
    let step = sandbox_step(rawValue: UInt32(step))
    let what: String
    switch step {
    case SANDBOX_NAMESPACES: what = "namespaces of its own are refused"
    case SANDBOX_USERS: what = "another user cannot be taken on"
    case SANDBOX_MOUNTS: what = "a file system of its own cannot be mounted"
    case SANDBOX_READABLE: what = "a folder that it is to read cannot be mounted"
    case SANDBOX_ROOT: what = "the file system cannot be changed to its own"
    case SANDBOX_LIMITS: what = "limits cannot be set"
    case SANDBOX_PRIVILEGES: what = "privileges cannot be given up"
    case SANDBOX_FILTER: what = "system calls cannot be filtered"
    case SANDBOX_FORK: what = "it cannot start a process"
    default: what = "the interpreter cannot be started"
    }
    return missing(what, code: code)
  }

  static func missing(_ what: String, code: Int32) -> JudgeError {
    JudgeError(
      .noSandbox, at: "sandbox", code == 0 ? what : "\(what): \(ChildProcess.reason(code))",
      remedy: "Use Linux 5.14 or newer with user namespaces for this user (`sysctl "
        + "user.max_user_namespaces`; containers need a permission for them).")
  }
}

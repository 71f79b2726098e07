import Foundation
import Judges
import Records
import Testing
import Verifiers

extension Trait where Self == ConditionTrait {
  static var needsPython: Self {
    .enabled(
      if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"),
      "skipped: needs python3 (apt-get install python3)")
  }
}

/// Answers that are right, wrong, and hostile. What an attack must not do is looked at from outside.
@Suite(.needsPython) struct CodeVerifierTests {
  private static func make(
    _ further: [String: VerifierParameters.Value] = [:]
  ) throws -> any Verifier {
    let parameters = VerifierParameters(
      ["allow_code": .flag(true), "timeout_seconds": .number(20)].merging(further) { $1 })
    return try Verifiers.make(
      [VerifierPart("code", parameters: parameters)], VerifierContext(outside: Judges.make))
  }

  private static func ask(
    _ code: String, _ tests: String, _ further: [String: VerifierParameters.Value] = [:]
  ) throws -> Verdict {
    try make(further).verify(
      response: "Here it is:\n```python\n\(code)\n```\n", prompt: .asking("Write it.", tests),
      finish: .stop)
  }

  /// What the program prints without input.
  private static func output(
    _ code: String, _ further: [String: VerifierParameters.Value] = [:]
  ) throws -> Verdict {
    try ask(code, #"{"tests": [{"stdin": "", "stdout": "held"}]}"#, further)
  }

  private static func isHeld(_ code: String, _ comment: Comment? = nil) throws {
    let verdict = try output(code)
    #expect(verdict.reward == 1, comment ?? "\(verdict)")
  }

  // MARK: What is right

  @Test func streamsAreComparedOutside() throws {
    let tests =
      #"{"tests": [{"stdin": "2 3\n", "stdout": "5\n\n"}, {"stdin": "4 4", "stdout": "8"}]}"#
    let right = try Self.ask("print(sum(map(int, input().split())), ' ')", tests)
    #expect(right.reward == 1 && right.isRight && right.rule == "passed", "\(right)")
    #expect(right.extracted?.hasPrefix("print(sum") == true)
    let half = try Self.ask("print(5)", tests)
    #expect(half.reward == 0 && half.rule == "differs" && half.critique == "test 2 of 2 differs")
    let partial = try Self.ask("print(5)", tests, ["partial": .flag(true)])
    #expect(partial.reward == 0.5 && !partial.isRight)
    let apps = #"{"inputs": ["2 3", "4 4"], "outputs": ["5", "8"]}"#
    #expect(try Self.ask("print(sum(map(int, input().split())))", apps).reward == 1)
  }

  @Test func callsAreEvaluatedInsideAndComparedOutside() throws {
    let tests = #"""
      {"setup": "import math", "calls": [{"call": "f(2)", "returns": [2, 4.0]}, \#
      {"call": "f(math.pi)", "returns": [3.141592653589793, 9.869604401089358]}, \#
      {"call": "{'a': f(1), 'b': None}", "returns": {"b": null, "a": [1, 1]}}]}
      """#
    let right = try Self.ask("print('noise')\ndef f(x): return (x, x * x)", tests)
    #expect(right.reward == 1, "\(right)")
    let wrong = try Self.ask("def f(x): return [x, x + x]", tests, ["partial": .flag(true)])
    #expect(wrong.reward == 1.0 / 3 && wrong.rule == "differs", "\(wrong)")
    let raising = try Self.ask("def f(x): raise ValueError('no')", tests)
    #expect(raising.reward == 0 && raising.critique?.contains("ValueError: no") == true)
    // What claims to be equal to everything is no value.
    let sly = try Self.ask(
      "class F(list):\n  def __eq__(s, o): return True\nf = lambda x: F()", tests)
    #expect(sly.reward == 0)
  }

  @Test func assertsAreExecutedBehindTheProgram() throws {
    let tests = #"{"asserts": ["assert f(2) == 4", "assert f(3) == 9"]}"#
    #expect(try Self.ask("def f(x): return x * x", tests).reward == 1)
    let half = try Self.ask("def f(x): return 4", tests, ["partial": .flag(true)])
    #expect(half.reward == 0.5 && half.critique?.contains("AssertionError") == true)
    for cheat in ["import sys; sys.exit(0)", "import os; os._exit(0)", "print('0\\n1')"] {
      #expect(try Self.ask(cheat, tests).reward == 0, "\(cheat)")
    }
  }

  @Test func theLastFencedBlockIsTheProgram() throws {
    let tests = #"{"tests": [{"stdin": "", "stdout": "2"}]}"#
    let verifier = try Self.make()
    func ask(_ response: String, _ finish: FinishReason = .stop) -> Verdict {
      verifier.verify(response: response, prompt: .asking("?", tests), finish: finish)
    }
    let two = ask("```\nprint(1)\n```\nor\n```py\nprint(2)\n```\n")
    #expect(two.reward == 1 && two.extracted == "print(2)\n")
    #expect(two.span.map { $0.count } == 9)
    #expect(ask("<think>\n```\nprint(2)\n```\n</think> no").rule == "no-code")
    #expect(ask("print(2)").rule == "no-code")
    #expect(ask("```\nprint(2)").reward == 1, "left open at the end")
    #expect(ask("```\nprint(2)", .length).rule == "cut")
    for unreadable in [
      "", "[]", #"{"tests": []}"#, #"{"tests": [{"stdin": 1}]}"#,
      #"{"asserts": ["x"], "calls": []}"#,
    ] {
      let verdict = verifier.verify(
        response: "```\n```", prompt: .asking("?", unreadable), finish: .stop)
      #expect(verdict.reward == nil && verdict.rule == "ground-truth", "\(unreadable)")
    }
  }

  @Test func otherInterpretersReadTheFile() throws {
    let shell: [String: VerifierParameters.Value] = ["interpreter": .texts(["sh", "-e"])]
    let tests = #"{"tests": [{"stdin": "x", "stdout": "x done"}]}"#
    #expect(try Self.ask("echo $(cat) done", tests, shell).reward == 1)
    let none = try Self.make(["interpreter": .texts(["no-such-interpreter"])])
    #expect(throws: JudgeError.self) { try none.prepare() }
    #expect(throws: VerifierError.self, "it must be allowed") {
      try Judges.make("code", VerifierParameters(), VerifierContext())
    }
  }

  // MARK: Attacks

  @Test func aForkBombEndsAtItsLimit() throws {
    let verdict = try Self.output(
      """
      import os
      while True:
        try: os.fork()
        except BlockingIOError: break
      """, ["timeout_seconds": .number(5)])
    #expect(verdict.reward == 0)
    try Self.isHeld(
      """
      import os, time
      children = 0
      try:
        while True:
          if os.fork() == 0: time.sleep(60)
          children += 1
      except BlockingIOError: pass
      print("held" if children < 9 else children)
      """)
  }

  @Test(arguments: [
    ("while True: pass", "time-limit"), ("import time; time.sleep(100)", "time-limit"),
    ("import os\nwhile True: os.write(1, b'x' * 65536)", "output-limit"),
    ("import os\nwhile True: os.write(2, b'x' * 65536)", "output-limit"),
    ("x = bytearray(4 << 30)", "crashed"), ("import os; os.abort()", "crashed"),
    (
      "import os\nif os.fork() == 0:\n  while True: os.write(1, b'x' * 65536)\nos.wait()",
      "output-limit"
    ),
  ])
  func whatHasNoEndIsEnded(code: String, rule: String) throws {
    let clock = ContinuousClock()
    let began = clock.now
    let verdict = try Self.output(code, ["timeout_seconds": .number(2)])
    #expect(verdict.reward == 0 && verdict.rule == rule, "\(verdict)")
    #expect(began.duration(to: clock.now) < .seconds(15))
  }

  @Test func theDiskIsItsOwnAndSmall() throws {
    try Self.isHeld(
      """
      import os
      written = 0
      for name in range(100):
        try:
          with open(f"/tmp/{name}", "wb", 0) as file:
            for _ in range(20): written += file.write(b"x" * (1 << 20))
        except OSError as error: last = error.errno
      files = 0
      try:
        for name in range(200000): os.close(os.open(f"/tmp/f{name}", os.O_CREAT)); files += 1
      except OSError: pass
      print("held" if written <= 64 << 20 and last == 28 and files < 70000 else (written, files))
      """)
    for path in ["/x", "/usr/x", "/dev/x", "/etc/x"] {
      try Self.isHeld("try: open('\(path)', 'w'); print('made')\nexcept OSError: print('held')")
    }
  }

  @Test func nothingOutsideCanBeRead() throws {
    let scratch = try Scratch()
    let secret = try scratch.write("secret", to: "secret")
    for path in [
      "/etc/shadow", "/etc/passwd", "/root", "/home", "/proc/1/environ", "/proc/self/exe", "/sys",
      "/var", "/run", secret, FileManager.default.currentDirectoryPath,
    ] {
      try Self.isHeld(
        """
        import os
        try: os.listdir("\(path)") if os.path.isdir("\(path)") else open("\(path)").read(); print("read")
        except OSError: print("held")
        """, "\(path)")
    }
    // Links lead nowhere else, and the way up ends at the root.
    try Self.isHeld(
      """
      import os
      os.symlink("\(secret)", "link"); os.symlink("../../../../etc/shadow", "up")
      seen = [p for p in ["link", "up", "/tmp/../../..\(secret)"] if os.path.exists(p)]
      names = set(os.listdir("/tmp/../../.."))
      known = {"tmp", "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "dev"}
      print("held" if not seen and names <= known and os.environ.get("PATH") else (seen, names))
      """)
    unsafe setenv("CODE_TESTS_SECRET", "sesame", 1)
    try Self.isHeld(
      "import os; print('held' if set(os.environ) <= {'PATH', 'HOME', 'LANG', 'PYTHONHASHSEED', 'LC_CTYPE'} else os.environ)"
    )
  }

  @Test func nobodyOutsideCanBeReached() throws {
    try Self.isHeld(
      """
      import socket
      open = []
      for family in range(64):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
          try: socket.socket(family, kind); open.append(family)
          except OSError: pass
      print("held" if not open else open)
      """)
    // The pair that only it has stays, so that programs with threads and pipes work.
    try Self.isHeld("import socket; socket.socketpair(); print('held')")
  }

  @Test func neitherItsParentNorOthersCanBeHarmed() throws {
    let bystander = Process()
    bystander.executableURL = URL(fileURLWithPath: "/bin/sleep")
    bystander.arguments = ["60"]
    try bystander.run()
    defer { kill(bystander.processIdentifier, SIGKILL) }
    try Self.isHeld(
      """
      import os, signal, ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      for pid in [1, os.getppid(), \(bystander.processIdentifier), \(getpid())]:
        for number in (9, 15, 19):
          try: os.kill(pid, number)
          except OSError: pass
      refused = [libc.ptrace(16, pid, 0, 0) for pid in (1, \(bystander.processIdentifier))]
      refused += [libc.unshare(0x10000000), libc.mount(b"a", b"/tmp", b"tmpfs", 0, None),
                  libc.setns(0, 0), libc.chroot(b"/tmp"), libc.syscall(321, 0, 0, 0),
                  libc.syscall(319, b"m", 0), libc.setuid(0)]
      print("held" if refused == [-1] * len(refused) and os.getuid() != 0 else refused)
      """)
    #expect(bystander.isRunning)
  }

  @Test func nothingIsLeftRunning() throws {
    let mark = "left-\(UUID().uuidString)"
    let verdict = try Self.output(
      """
      import os, signal, time
      if os.fork() == 0:
        os.setsid()
        for number in range(1, 32):
          try: signal.signal(number, signal.SIG_IGN)
          except OSError: pass
        os.close(1); os.close(2)
        os.execv("/usr/bin/python3", ["\(mark)", "-c", "import time; time.sleep(100)"])
      time.sleep(0.3)
      print("held")
      """)
    #expect(verdict.reward == 1, "\(verdict)")
    var running: [String] = []
    for id in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(id) != nil {
      guard let line = try? String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8) else {
        continue
      }
      if line.contains(mark) { running.append(id) }
    }
    #expect(running.isEmpty)
  }

  @Test func stoppingLetsGoOfWhatRuns() throws {
    let verifier = try Self.make(["timeout_seconds": .number(60)])
    #expect(verifier.asking != .inTurn && !verifier.isRepeatable)
    let clock = ContinuousClock()
    let began = clock.now
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.3)
      verifier.stop()
    }
    let tests = #"{"tests": [{"stdin": "", "stdout": ""}]}"#
    let verdict = verifier.verify(
      response: "```\nwhile True: pass\n```", prompt: .asking("?", tests), finish: .stop)
    #expect(verdict.reward != 1 && began.duration(to: clock.now) < .seconds(30))
  }
}

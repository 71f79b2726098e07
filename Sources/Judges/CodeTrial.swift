import Foundation
import Records

/// One program against its tests.
struct CodeTrial {
  struct Outcome: Equatable {
    var passed: Int
    var count: Int
    var rule: String
    /// Of the first test that fails.
    var critique: String?

    static func wrong(_ rule: String) -> Outcome { Outcome(passed: 0, count: 1, rule: rule) }
  }

  let sandbox: Sandbox
  let interpreter: [String]
  /// All tests are run, else those up to the first that fails.
  let isPartial: Bool
  let isStopped: () -> Bool

  /// - Throws: where the sandbox fails, which says nothing of the program.
  func result(of code: String, _ tests: CodeTests) throws(JudgeError) -> Outcome {
    switch tests {
    case .streams(let pairs): try streams(code, pairs)
    case .calls(let calls, let setup):
      try inside(code, setup, ["calls": calls.map(\.call)]) { index, line in
        guard let value = try? JSONValue(parsing: line) else { return false }
        return CodeValue(value) == calls[index].returns
      } count: {
        calls.count
      }
    case .asserts(let asserts, let setup):
      try asserted(code, setup, asserts)
    }
  }

  private func asserted(
    _ code: String, _ setup: String, _ asserts: [String]
  ) throws(JudgeError) -> Outcome {
    // Nothing of a verdict depends on it; who does not know it cannot print it.
    let mark = UUID().uuidString
    return try inside(code, setup, ["asserts": asserts, "mark": mark]) { index, line in
      line == Array("\(mark) \(index)".utf8)
    } count: {
      asserts.count
    }
  }

  private func streams(
    _ code: String, _ pairs: [CodeTests.StreamPair]
  ) throws(JudgeError) -> Outcome {
    var outcome = Outcome(passed: 0, count: pairs.count, rule: "passed")
    for (index, pair) in pairs.enumerated() {
      let result = try sandbox.run(
        Sandbox.Program(
          arguments: interpreter + ["/tmp/answer"], fileName: "answer", file: Array(code.utf8),
          input: Array(pair.input.utf8)), unless: isStopped)
      let problem =
        Self.problem(result) ?? (Self.isSame(result.output, pair.output) ? nil : "differs")
      guard let problem else {
        outcome.passed += 1
        continue
      }
      outcome.note(problem, test: index, result)
      guard isPartial, result.end != .stopped else { break }
    }
    return outcome
  }

  /// Runs the program once, with what is evaluated behind it: one line of output for each test.
  private func inside(
    _ code: String, _ setup: String, _ further: [String: Any],
    isPassed: (Int, [UInt8]) -> Bool, count: () -> Int
  ) throws(JudgeError) -> Outcome {
    let count = count()
    var request = further
    request["setup"] = setup
    let input: Data
    do { input = try JSONSerialization.data(withJSONObject: request) } catch {
      preconditionFailure("texts that are no JSON: \(error)")
    }
    let result = try sandbox.run(
      Sandbox.Program(
        arguments: interpreter + ["-c", Self.driver], fileName: "answer", file: Array(code.utf8),
        input: Array(input) + [UInt8(ascii: "\n")]), unless: isStopped)
    let lines = result.output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    var outcome = Outcome(passed: 0, count: count, rule: "passed")
    for index in 0..<count {
      if lines.indices.contains(index), isPassed(index, Array(lines[index])) {
        outcome.passed += 1
      } else if outcome.rule == "passed" {
        outcome.note(Self.problem(result) ?? "differs", test: index, result)
      }
    }
    return outcome
  }

  /// Why a program's output is of no account; nil where it ended well.
  private static func problem(_ result: Sandbox.Result) -> String? {
    switch result.end {
    case .exit(0): nil
    case .exit, .signal: "crashed"
    case .timeout: "time-limit"
    case .tooMuchOutput: "output-limit"
    case .stopped: "stopped"
    }
  }

  /// Equal but for blanks at the ends of lines and empty lines at the end.
  private static func isSame(_ output: [UInt8], _ expected: String) -> Bool {
    func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
      var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        .map { line in
          line.prefix(line.count - line.reversed().prefix { $0 == 32 || $0 == 9 || $0 == 13 }.count)
        }
      while lines.last?.isEmpty == true { lines.removeLast() }
      return lines
    }
    return lines(output) == lines(Array(expected.utf8))
  }

  /// Executes the program and evaluates the tests behind it. It reads them before any of the program's
  /// code runs, and prints where the program's own output does not go.
  private static let driver = """
    import json, os, sys
    request = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    space = {"__name__": "__main__"}
    exec(request.pop("setup"), space)
    with open("/tmp/answer", "rb") as file: code = compile(file.read(), "answer", "exec")
    exec(code, space)
    for index, test in enumerate(request.get("calls") or request["asserts"]):
        try:
            if "calls" in request: line = json.dumps(eval(test, space))
            else: exec(test, space); line = f"{request['mark']} {index}"
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr); line = "!"
        out.write(line + "\\n"); out.flush()
    """
}

extension CodeTrial.Outcome {
  fileprivate mutating func note(_ problem: String, test: Int, _ result: Sandbox.Result) {
    guard rule == "passed" else { return }
    rule = problem
    let last =
      String(decoding: result.complaints, as: UTF8.self)
      .split(whereSeparator: \.isNewline).last.map { ": \($0)" } ?? ""
    critique = "test \(test + 1) of \(count) \(problem)\(last)".shortened
  }
}

import Foundation
import Records
import Synchronization
import Verifiers

/// Runs the program in a response against the tests of the ground truth, in a sandbox
/// (docs/verifiers.md, "code").
final class CodeVerifier: Verifier {
  let name = "code"
  let isRepeatable = false
  var asking: Asking { .atOnce(parallel) }

  private let interpreter: [String]
  private let sandbox: Sandbox
  private let isPartial: Bool
  private let parallel: Int
  /// Raised by `stop`: who began before gives up.
  private let stops = Mutex(0)

  init(_ parameters: VerifierParameters) throws(VerifierError) {
    guard parameters.flag("allow_code") else {
      throw VerifierError(
        "allow_code", "programs that a model wrote would run on this machine",
        remedy: "Read docs/verifiers.md, section code, then set allow_code: true.")
    }
    interpreter = parameters.texts("interpreter") ?? ["python3"]
    guard interpreter.first?.isEmpty == false else {
      throw VerifierError(
        "interpreter", "it names no program", remedy: "Write [PROGRAM, ARGUMENT, …].")
    }
    let readable = parameters.texts("readable") ?? []
    if let relative = readable.first(where: { !$0.hasPrefix("/") || $0.count == 1 }) {
      throw VerifierError(
        "readable", "\(relative) is no absolute path of a folder", remedy: "Begin it with a slash.")
    }
    let megabyte = 1 << 20
    sandbox = Sandbox(
      Sandbox.Limits(
        timeoutSeconds: parameters.number("timeout_seconds") ?? 10,
        memoryBytes: (parameters.integer("memory_megabytes") ?? 1024) * megabyte,
        processes: parameters.integer("processes") ?? 8,
        diskBytes: (parameters.integer("disk_megabytes") ?? 64) * megabyte,
        outputBytes: (parameters.integer("output_kilobytes") ?? 1024) << 10), readable: readable)
    isPartial = parameters.flag("partial")
    parallel = parameters.integer("parallel") ?? ProcessInfo.processInfo.activeProcessorCount
  }

  func prepare() throws {
    guard Sandbox.program(interpreter[0]) != nil else {
      throw JudgeError(
        .missing, at: "code", "there is no interpreter \(interpreter[0])",
        remedy: "Install it, or name its path with interpreter and its folder with readable.")
    }
    try sandbox.probe()
  }

  func stop() { stops.withLock { $0 += 1 } }

  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let tests: CodeTests
    do { tests = try CodeTests(prompt.groundTruth) } catch {
      return Verdict(
        outcome: .error("the ground truth \(error.problem)"), rule: "ground-truth")
    }
    guard let answer = CodeAnswer(in: response) else { return verdict(.wrong("no-code"), nil) }
    if answer.isOpen, finish == .length { return verdict(.wrong("cut"), answer) }
    guard let path = Sandbox.program(interpreter[0]) else {
      return .unanswered("there is no interpreter \(interpreter[0])", by: name)
    }
    let before = stops.withLock { $0 }
    let trial = CodeTrial(
      sandbox: sandbox, interpreter: [path] + interpreter.dropFirst(), isPartial: isPartial,
      isStopped: { self.stops.withLock { $0 > before } })
    do {
      return verdict(try trial.result(of: answer.code, tests), answer)
    } catch { return .unanswered(error.description, by: name) }
  }

  private func verdict(_ result: CodeTrial.Outcome, _ answer: CodeAnswer?) -> Verdict {
    let isRight = result.passed == result.count
    let share = Double(result.passed) / Double(result.count)
    var verdict = Verdict.rewarded(
      isPartial ? share : isRight ? 1 : 0, isRight: isRight,
      [
        RewardComponent(name: "passed", value: share),
        RewardComponent(name: "format", value: answer == nil ? 0 : 1),
      ], rule: result.rule, critique: result.critique)
    verdict.extracted = answer?.code
    verdict.span = answer?.span
    return verdict
  }
}

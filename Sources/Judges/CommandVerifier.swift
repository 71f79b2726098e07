import Foundation
import Records
import Synchronization
import Verifiers

/// Asks a program of the user's: one line of JSON in, one line out (docs/verifiers.md, "command").
final class CommandVerifier: Verifier {
  let name = "command"
  let isRepeatable = false
  var asking: Asking { .atOnce(workers) }

  /// A response on which the program dies so often gets no verdict.
  private static let attempts = 3

  private let program: [String]
  private let workers: Int
  private let timeoutSeconds: Double
  private let state = Mutex(State())

  private struct State {
    var idle: [CommandWorker] = []
    var nextID = 0
    /// Raised by `stop`: who began before gives up.
    var stops = 0
  }

  init(_ parameters: VerifierParameters) throws(VerifierError) {
    guard let program = parameters.texts("program"), let first = program.first, !first.isEmpty
    else {
      throw VerifierError(
        "program", "nothing says which program is asked",
        remedy: "Write program: [PROGRAM, ARGUMENT, …].")
    }
    self.program = program
    workers = parameters.integer("workers") ?? 1
    timeoutSeconds = parameters.number("timeout_seconds") ?? 60
  }

  func prepare() throws {
    guard Executable.path(of: program[0]) != nil else {
      throw JudgeError(
        .missing, at: "command", "there is no program \(program[0])",
        remedy: "Name one in PATH, or its path from where the pipeline runs.")
    }
  }

  func stop() { state.withLock { $0.stops += 1 } }

  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let (id, stops) = state.withLock { state in
      defer { state.nextID += 1 }
      return ("\(state.nextID)", state.stops)
    }
    let question = CommandQuestion(id: id, prompt: prompt, response: response, finish: finish)
    var problem = ""
    for _ in 0..<Self.attempts where !hasStopped(since: stops) {
      let worker: CommandWorker
      do { worker = try takeWorker() } catch { return .unanswered(error.problem, by: name) }
      let reply = worker.ask(
        question.line, seconds: timeoutSeconds, unless: { self.hasStopped(since: stops) })
      switch reply {
      case .line(let line):
        do {
          let answer = try CommandAnswer(line, to: id)
          state.withLock { $0.idle.append(worker) }
          return answer.verdict
        } catch {
          // What it says next may answer this question: it does not count for another one.
          worker.end()
          return .unanswered(error.problem, by: name)
        }
      case .late:
        worker.end()
        return .unanswered("no answer within \(timeoutSeconds) s", by: name)
      case .ended(let how): problem = how
      }
    }
    return .unanswered("it ended \(Self.attempts) times without an answer: \(problem)", by: name)
  }

  private func hasStopped(since stops: Int) -> Bool { state.withLock { $0.stops > stops } }

  private func takeWorker() throws(JudgeError) -> CommandWorker {
    if let idle = state.withLock({ $0.idle.popLast() }) { return idle }
    return try CommandWorker(program)
  }
}

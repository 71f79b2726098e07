import Digest
import Foundation
import Records
import Synchronization
import Verifiers

/// A language model behind an OpenAI-compatible endpoint scores the response by a rubric
/// (docs/verifiers.md, "judge").
///
/// The reward is the score's place on its scale, 0...1. What was received is stored before it is used,
/// and never asked again.
final class JudgeVerifier: Verifier {
  let name = "judge"
  let isRepeatable = false
  var asking: Asking { .atOnce(settings.parallel) }

  /// Between two attempts, at most.
  private static let longestWait = 60.0

  private let settings: JudgeSettings
  private let store: JudgementStore
  private let endpoint: Endpoint
  /// Raised by `stop`: who began before gives up.
  private let stops = Mutex(0)

  init(_ parameters: VerifierParameters, folder: String?) throws(VerifierError) {
    settings = try JudgeSettings(parameters)
    store = JudgementStore(folder: folder)
    endpoint = Endpoint(connections: settings.parallel)
  }

  var spent: String? {
    let costs = store.costs
    return costs.isEmpty ? nil : costs.map(\.text).joined(separator: "; ")
  }

  func prepare() throws { _ = try key() }

  func stop() { stops.withLock { $0 += 1 } }

  func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let question = JudgeQuestion(settings, prompt: prompt, response: response)
    if question.isEmpty {
      return verdict(settings.scale.lowerBound, "there is no answer", rule: "empty")
    }
    let before = stops.withLock { $0 }
    do {
      if let known = try store.claim(question.key) { return verdict(known) }
      defer { store.release(question.key) }
      return try ask(question, unless: { self.stops.withLock { $0 > before } })
    } catch { return .unanswered("\(error)", by: name) }
  }

  private func key() throws -> String? {
    try settings.keyVariable.map { try Endpoint.key(in: $0, namedBy: name) }
  }

  /// Asks until there is a score, or no further try.
  private func ask(_ question: JudgeQuestion, unless hasStopped: () -> Bool) throws -> Verdict {
    let key = try key()
    var problem = ""
    for attempt in 0...settings.retries {
      let response = endpoint.post(
        question.body(attempt: attempt), to: settings.url, key: key,
        seconds: settings.timeoutSeconds, unless: hasStopped)
      switch try outcome(of: response, question) {
      case .verdict(let verdict): return verdict
      case .again(let reason, let after):
        problem = reason
        guard attempt < settings.retries, !hasStopped() else { break }
        sleep(after ?? backOff(attempt, question.key), unless: hasStopped)
      }
    }
    return .unanswered("\(settings.retries + 1) requests without a score: \(problem)", by: name)
  }

  private enum Outcome {
    case verdict(Verdict)
    /// Worth another try, after so many seconds if the endpoint says so.
    case again(String, after: Double?)
  }

  private func outcome(
    of response: Endpoint.Response, _ question: JudgeQuestion
  ) throws -> Outcome {
    switch response {
    case .failed(let reason): return .again(reason, after: nil)
    case .answered(200, let body, _):
      let judgement = judgement(JudgeReply(body, scale: settings.scale), question)
      try store.add(judgement)
      return judgement.score == nil
        ? .again(judgement.unusable ?? "", after: nil) : .verdict(verdict(judgement))
    case .answered(let status, _, let retryAfter):
      let problem = "HTTP status \(status)"
      return Endpoint.isTransient(status)
        ? .again(problem, after: retryAfter) : .verdict(.unanswered(problem, by: name))
    }
  }

  private func judgement(_ reply: JudgeReply, _ question: JudgeQuestion) -> Judgement {
    var judgement = Judgement(
      key: question.key, model: settings.model, promptTokens: reply.promptTokens,
      completionTokens: reply.completionTokens,
      cost: (Double(reply.promptTokens) * settings.promptPrice
        + Double(reply.completionTokens) * settings.completionPrice) / 1e6)
    switch reply.content {
    case .score(let score, let reasoning):
      judgement.score = score
      judgement.reasoning = reasoning
    case .unusable(let problem): judgement.unusable = problem
    }
    return judgement
  }

  private func verdict(_ judgement: Judgement) -> Verdict {
    guard let score = judgement.score else { preconditionFailure("a judgement without a score") }
    return verdict(score, judgement.reasoning, rule: "judge")
  }

  private func verdict(_ score: Double, _ reasoning: String?, rule: String) -> Verdict {
    let scale = settings.scale
    return .rewarded(
      (score - scale.lowerBound) / (scale.upperBound - scale.lowerBound),
      isRight: score >= settings.pass, [RewardComponent(name: "score", value: score)], rule: rule,
      critique: reasoning)
  }

  /// Doubled with each attempt, and spread by ±50 % so that requests that failed together do not come back
  /// together: by the question's hash, as everything here repeats.
  private func backOff(_ attempt: Int, _ key: String) -> Double {
    let digest = SHA256.hash(Array("\(key) \(attempt)".utf8))
    let spread = 0.5 + Double(digest[0]) / 255
    return min(Self.longestWait, settings.retrySeconds * pow(2, Double(attempt))) * spread
  }

  private func sleep(_ seconds: Double, unless hasStopped: () -> Bool) {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(min(max(0, seconds), Self.longestWait * 1.5))
    while clock.now < end, !hasStopped() {
      Thread.sleep(forTimeInterval: min(0.05, clock.now.duration(to: end) / .seconds(1)))
    }
  }
}

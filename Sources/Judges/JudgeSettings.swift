import Foundation
import Verifiers

/// What a definition says of a judge.
struct JudgeSettings: Sendable {
  enum ReplyFormat: String, Sendable {
    case schema = "json_schema"
    case object = "json_object"
    case none
  }

  let url: URL
  let model: String
  /// Name of an environment variable; the key itself is looked up when a request is made.
  let keyVariable: String?
  let rubric: String
  let scale: ClosedRange<Double>
  let pass: Double
  let seed: Int
  let replyTokens: Int
  let replyFormat: ReplyFormat
  let timeoutSeconds: Double
  let retries: Int
  let retrySeconds: Double
  let parallel: Int
  /// Of a million tokens.
  let promptPrice: Double
  let completionPrice: Double

  init(_ parameters: VerifierParameters) throws(VerifierError) {
    func required(_ name: String, _ what: String) throws(VerifierError) -> String {
      guard let text = parameters.text(name), !text.isEmpty else {
        throw VerifierError(name, "nothing says \(what)", remedy: "Set \(name).")
      }
      return text
    }
    guard let url = Endpoint.chat(at: try required("url", "where the judge is asked")) else {
      throw VerifierError("url", "it is no address of an endpoint", remedy: Endpoint.remedy)
    }
    self.url = url
    model = try required("model", "which model judges")
    rubric = try required("rubric", "what is good")
    keyVariable = parameters.text("api_key").map { String($0.dropFirst(2).dropLast()) }
    let lowest = parameters.number("lowest") ?? 1
    let highest = parameters.number("highest") ?? 10
    guard lowest < highest else {
      throw VerifierError(
        "highest", "scores from \(lowest) to \(highest) are no scale",
        remedy: "Give a lowest score below the highest.")
    }
    scale = lowest...highest
    guard let pass = parameters.number("pass"), scale.contains(pass) else {
      throw VerifierError(
        "pass", "nothing says which score is a right answer's",
        remedy: "Set pass to a score from \(lowest) to \(highest).")
    }
    self.pass = pass
    seed = parameters.integer("seed") ?? 0
    replyTokens = parameters.integer("reply_tokens") ?? 1024
    replyFormat = parameters.text("reply_format").flatMap(ReplyFormat.init) ?? .schema
    timeoutSeconds = parameters.number("timeout_seconds") ?? 60
    retries = parameters.integer("retries") ?? 6
    retrySeconds = parameters.number("retry_seconds") ?? 0.5
    parallel = parameters.integer("parallel") ?? 8
    promptPrice = parameters.number("prompt_price") ?? 0
    completionPrice = parameters.number("completion_price") ?? 0
  }
}

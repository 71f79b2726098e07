import Digest
import Foundation
public import Records
import Synchronization
public import Verifiers

/// A language model behind an OpenAI-compatible endpoint, asked for answers to prompts. What it has
/// answered is kept, and never asked again.
public final class Answerer: Sendable {
  /// How it is asked.
  public struct Settings: Sendable {
    /// Up to its version: `http://127.0.0.1:8000/v1`.
    public var url: String
    public var model: String
    /// Name of the environment variable that holds the key.
    public var keyVariable: String?
    public var temperature: Double
    public var topP: Double
    public var maximumTokens: Int
    public var seed: Int
    public var timeoutSeconds = 120.0
    public var retries = 6

    public init(
      url: String, model: String, keyVariable: String?, temperature: Double, topP: Double,
      maximumTokens: Int, seed: Int
    ) {
      self.url = url
      self.model = model
      self.keyVariable = keyVariable
      self.temperature = temperature
      self.topP = topP
      self.maximumTokens = maximumTokens
      self.seed = seed
    }
  }

  /// A line of the file.
  private struct Answer: Codable {
    var key: String
    var text: String
    var finish: String
  }

  private struct State {
    var known: [String: Answer]
    /// Requests under way, by their hash.
    var asked: Set<String> = []
  }

  private let settings: Settings
  private let address: URL
  private let key: String?
  private let endpoint: Endpoint
  private let file: AppendedLines
  private let state: Mutex<State>
  private let isStopped = Mutex(false)

  /// - Parameters:
  ///   - path: of the file that keeps the answers.
  ///   - parallel: requests at once.
  /// - Throws: for an address that is none, a key that is not set, a file that cannot be read.
  public init(_ settings: Settings, keeping path: String, parallel: Int) throws {
    self.settings = settings
    guard let url = Endpoint.chat(at: settings.url) else {
      throw JudgeError(
        .missing, at: settings.url, "it is no address of an endpoint", remedy: Endpoint.remedy)
    }
    address = url
    key = try settings.keyVariable.map { try Endpoint.key(in: $0, namedBy: settings.url) }
    endpoint = Endpoint(connections: parallel)
    file = AppendedLines(path)
    var known: [String: Answer] = [:]
    for (index, line) in try file.lines().enumerated() {
      do {
        let answer = try JSONDecoder().decode(Answer.self, from: Data(line))
        known[answer.key] = answer
      } catch {
        throw JudgeError(
          .damaged, at: "\(path):\(index + 1)", "the line is no answer",
          remedy: "Delete the line: what it held is asked again.")
      }
    }
    state = Mutex(State(known: known))
  }

  /// Lets whoever waits for an answer give up.
  public func stop() { isStopped.withLock { $0 = true } }

  /// An answer to a conversation.
  ///
  /// - Parameter sample: counted from 0; another one is another draw.
  /// - Throws: `JudgeError` where the endpoint does not answer, after `retries` further attempts.
  public func answer(_ messages: [Message], sample: Int) throws -> Response {
    let request = body(messages, sample)
    let hash = hexadecimal(SHA256.hash(Array(address.absoluteString.utf8) + request))
    if let answer = claim(hash) { return Self.response(answer) }
    defer { state.withLock { _ = $0.asked.remove(hash) } }
    var problem = ""
    for attempt in 0...settings.retries {
      switch endpoint.post(
        request, to: address, key: key, seconds: settings.timeoutSeconds,
        unless: { isStopped.withLock(\.self) })
      {
      case .failed(let reason): problem = reason
      case .answered(200, let body, _):
        if let (text, finish) = Self.content(body) {
          return try keep(Answer(key: hash, text: text, finish: finish))
        }
        problem = "the reply holds no message"
      case .answered(let status, _, _):
        problem = "HTTP status \(status)"
        if !Endpoint.isTransient(status) { throw unavailable(problem) }
      }
      if isStopped.withLock(\.self) { break }
      if attempt < settings.retries {
        Thread.sleep(forTimeInterval: min(30, 0.25 * pow(2, Double(attempt))))
      }
    }
    throw unavailable("\(settings.retries + 1) requests without an answer, the last: \(problem)")
  }

  /// What is known; else nil, and it is for whoever asked to ask outside. Waits while another thread
  /// asks the same.
  private func claim(_ hash: String) -> Answer? {
    while true {
      let (known, isMine) = state.withLock { state in
        (state.known[hash], state.known[hash] == nil && state.asked.insert(hash).inserted)
      }
      if known != nil || isMine { return known }
      Thread.sleep(forTimeInterval: 0.02)
    }
  }

  private func keep(_ answer: Answer) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try file.append(Array(try encoder.encode(answer)))
    state.withLock { $0.known[answer.key] = answer }
    return Self.response(answer)
  }

  private func unavailable(_ problem: String) -> JudgeError {
    JudgeError(
      .unavailable, at: settings.url, problem,
      remedy: "Look after the endpoint; what was answered is kept, the same command goes on.")
  }

  private func body(_ messages: [Message], _ sample: Int) -> [UInt8] {
    let request: [String: Any] = [
      "model": settings.model, "temperature": settings.temperature, "top_p": settings.topP,
      "max_tokens": settings.maximumTokens, "seed": settings.seed + sample,
      "messages": messages.map { ["role": $0.role, "content": $0.content] },
    ]
    do {
      return Array(
        try JSONSerialization.data(
          withJSONObject: request, options: [.sortedKeys, .withoutEscapingSlashes]))
    } catch { preconditionFailure("texts that are no JSON: \(error)") }
  }

  private static func content(_ body: [UInt8]) -> (text: String, finish: String)? {
    guard
      let value = try? JSONValue(parsing: body, location: "reply", valueLimit: 100_000),
      let choice = value["choices"]?.array?.first,
      let text = choice["message"]?["content"]?.string
    else { return nil }
    return (text, choice["finish_reason"]?.string ?? "stop")
  }

  private static func response(_ answer: Answer) -> Response {
    Response(text: answer.text, finish: answer.finish == "length" ? .length : .stop)
  }
}

import Foundation
import FoundationNetworking
import Records
import Synchronization

/// Requests to an endpoint over HTTP, each awaited by the thread that makes it.
///
/// URLSession comes with the toolchain (libcurl underneath); async-http-client would bring SwiftNIO and
/// BoringSSL, minutes of compilation, for one blocking POST.
final class Endpoint: Sendable {
  enum Response: Equatable {
    case answered(status: Int, body: [UInt8], retryAfter: Double?)
    /// Nothing came, or too much; worth another try.
    case failed(String)
  }

  /// What to do about an address that is none.
  static let remedy = "Write it up to its version, as in http://127.0.0.1:8000/v1."

  /// Where conversations are answered, of an address up to its version; nil for what is none.
  static func chat(at text: String) -> URL? {
    let base = text.hasSuffix("/") ? String(text.dropLast()) : text
    guard let url = URL(string: base + "/chat/completions"), url.host != nil,
      url.scheme == "http" || url.scheme == "https"
    else { return nil }
    return url
  }

  /// The key that an environment variable holds.
  /// - Parameter place: who names the variable, for the error.
  static func key(in variable: String, namedBy place: String) throws(JudgeError) -> String {
    guard let key = ProcessInfo.processInfo.environment[variable], !key.isEmpty else {
      throw JudgeError(
        .missing, at: place, "api_key refers to \(variable), which is not set",
        remedy: "Set \(variable) in the environment.")
    }
    return key
  }

  /// Whether a request that got this status is worth another try.
  static func isTransient(_ status: Int) -> Bool {
    status >= 500 || [408, 425, 429].contains(status)
  }

  /// Of a response's body.
  private static let longestBody = 4 << 20

  private let session: URLSession
  private let exchanges = Exchanges()

  init(connections: Int) {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpMaximumConnectionsPerHost = connections
    configuration.httpCookieStorage = nil
    configuration.urlCache = nil
    // Deadlines are ours, in `post`.
    configuration.timeoutIntervalForRequest = 86_400
    session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
  }

  deinit { session.invalidateAndCancel() }

  /// - Parameters:
  ///   - key: sent as a bearer token.
  ///   - isStopped: asked now and then; the request is given up when it says so.
  func post(
    _ body: [UInt8], to url: URL, key: String?, seconds: Double, unless isStopped: () -> Bool
  ) -> Response {
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.httpBody = Data(body)
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    let task = session.dataTask(with: request)
    let exchange = Exchange(limit: Self.longestBody)
    exchanges.add(exchange, of: task)
    defer { exchanges.remove(task) }
    task.resume()
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    while !exchange.wait(milliseconds: 20) {
      guard clock.now < end, !isStopped() else {
        task.cancel()
        return .failed("no reply within \(seconds.plain) s")
      }
    }
    return exchange.response
  }
}

/// One request and what has come of it.
private final class Exchange: Sendable {
  private struct State {
    var status = 0
    var retryAfter: Double?
    var body: [UInt8] = []
    var failure: String?
  }

  private let state = Mutex(State())
  private let ended = DispatchSemaphore(value: 0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Whether it has ended.
  func wait(milliseconds: Int) -> Bool {
    ended.wait(timeout: .now() + .milliseconds(milliseconds)) == .success
  }

  var response: Endpoint.Response {
    state.withLock { state in
      if let failure = state.failure { return .failed(failure) }
      return .answered(status: state.status, body: state.body, retryAfter: state.retryAfter)
    }
  }

  func begin(_ response: HTTPURLResponse) {
    state.withLock { state in
      state.status = response.statusCode
      state.retryAfter = response.value(forHTTPHeaderField: "Retry-After").flatMap(Double.init)
    }
  }

  /// - Returns: false where the body has become too long.
  func add(_ data: Data) -> Bool {
    state.withLock { state in
      guard state.body.count + data.count <= limit else {
        state.failure = "a reply of over \(limit) bytes"
        return false
      }
      state.body += data
      return true
    }
  }

  func end(_ error: (any Error)?) {
    state.withLock { state in
      if let error, state.failure == nil { state.failure = error.localizedDescription }
    }
    ended.signal()
  }
}

/// The requests under way, by their task's number.
private final class Exchanges: NSObject, URLSessionDataDelegate, Sendable {
  private let running = Mutex<[Int: Exchange]>([:])

  func add(_ exchange: Exchange, of task: URLSessionTask) {
    running.withLock { $0[task.taskIdentifier] = exchange }
  }

  func remove(_ task: URLSessionTask) {
    _ = running.withLock { $0.removeValue(forKey: task.taskIdentifier) }
  }

  private func exchange(of task: URLSessionTask) -> Exchange? {
    running.withLock { $0[task.taskIdentifier] }
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    if let response = response as? HTTPURLResponse { exchange(of: dataTask)?.begin(response) }
    completionHandler(.allow)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    if exchange(of: dataTask)?.add(data) == false { dataTask.cancel() }
  }

  /// The key goes to no other place than the definition's.
  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    exchange(of: task)?.end(error)
  }
}

import NIOHTTP1
public import Records

/// A response with the fields that every one has.
struct OutgoingResponse {
  private var status: HTTPResponseStatus
  private var fields: [(String, String)]
  let body: [UInt8]
  private var hasLength = true

  private static let nothing = "default-src 'none'; frame-ancestors 'none'"

  init(_ response: WebResponse, fields further: [(String, String)] = []) {
    status = HTTPResponseStatus(statusCode: response.status)
    body = response.body
    fields =
      [
        ("Content-Type", response.contentType),
        ("Content-Security-Policy", response.contentSecurityPolicy ?? Self.nothing),
        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"), ("X-Frame-Options", "DENY"),
        ("Cache-Control", "no-store"),
      ] + further
  }

  func head(version: HTTPVersion, isLast: Bool) -> HTTPResponseHead {
    var headers = HTTPHeaders(fields)
    if hasLength { headers.add(name: "Content-Length", value: "\(body.count)") }
    headers.add(name: "Connection", value: isLast ? "close" : "keep-alive")
    return HTTPResponseHead(version: version, status: status, headers: headers)
  }

  /// `{"error": …}`, as every error is told.
  static func refusal(_ error: WebError) -> OutgoingResponse {
    var further: [(String, String)] = []
    switch error.status {
    case 401: further = [("WWW-Authenticate", "Bearer")]
    case 405: further = [("Allow", "GET, HEAD")]
    case 503: further = [("Retry-After", "1")]
    default: break
    }
    return OutgoingResponse(.error(error, status: error.status), fields: further)
  }

  /// Sends the browser to where it wanted, without the token in its address bar.
  static func tokenKept(_ uri: String, _ target: RequestTarget) -> OutgoingResponse {
    let halves = uri.split(separator: "?", maxSplits: 1)
    let query = halves.count < 2 ? [] : halves[1].split(separator: "&")
    let rest = query.filter { !$0.hasPrefix("token=") }.joined(separator: "&")
    // Two slashes at its beginning would name another server.
    let path = "/" + halves[0].drop { $0 == "/" }
    let cookie =
      "\(AccessRules.cookie)=\(target.query["token"] ?? ""); HttpOnly; SameSite=Strict; Path=/"
    return OutgoingResponse(
      WebResponse(status: 303, contentType: "text/plain; charset=utf-8", body: []),
      fields: [("Location", rest.isEmpty ? path : "\(path)?\(rest)"), ("Set-Cookie", cookie)])
  }

  static let eventStream: OutgoingResponse = {
    var response = OutgoingResponse(
      WebResponse(contentType: "text/event-stream; charset=utf-8", body: []))
    response.hasLength = false
    return response
  }()
}

extension WebResponse {
  /// An error as pages read it: `{"error": {"location", "problem", "remedy"}}`.
  public static func error(
    _ error: any DescribedError, status: Int, offset: Int? = nil
  ) -> WebResponse {
    var text = JSONText()
    text.open("{")
    text.key("error")
    text.open("{")
    text.member("location", error.location)
    text.member("problem", error.problem)
    text.member("remedy", error.remedy)
    if let offset {
      text.key("offset")
      text.literal("\(offset)")
    }
    text.close("}")
    text.close("}")
    return .json(text.bytes, status: status)
  }
}

extension WebError {
  /// Too much is under way.
  static let busy = WebError(
    .refused(status: 503), at: "server", "it has too much to do", remedy: "Ask again in a moment.")
}

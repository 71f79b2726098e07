import NIOHTTP1

/// What of a request's head its answer depends on.
struct HeadFacts {
  var version = HTTPVersion.http1_1
  /// HEAD: as GET, without the body.
  var isHeadOnly = false
  /// Whether the connection ends with the answer.
  var isLast: Bool

  init(isLast: Bool) { self.isLast = isLast }

  init(_ head: HTTPRequestHead) {
    version = head.version
    isHeadOnly = head.method == .HEAD
    isLast = !head.isKeepAlive
  }

  /// - Returns: what is asked for.
  func check(
    _ head: HTTPRequestHead, _ limits: WebLimits
  ) throws(WebError) -> RequestTarget {
    guard head.method == .GET || head.method == .HEAD else {
      throw WebError(
        .refused(status: 405), at: "method", "the server only shows and answers GET and HEAD",
        remedy: "Use the commands of `pipeline` to change a run.")
    }
    guard head.uri.utf8.count <= limits.targetBytes else {
      throw WebError(
        .refused(status: 414), at: "request target",
        "it has \(head.uri.utf8.count) bytes and may have \(limits.targetBytes)",
        remedy: "Ask with a shorter condition.")
    }
    let hasBody =
      head.headers.contains(name: "transfer-encoding")
      || head.headers["content-length"].contains { $0 != "0" }
    guard !hasBody else {
      throw WebError(
        .refused(status: 413), at: "request", "it has a body, and the server takes none",
        remedy: "Put what you ask for into the address.")
    }
    return try RequestTarget(head.uri)
  }
}

/// A request that has passed every check: somebody who may ask, for something that is well-formed.
public struct WebRequest: Sendable {
  public let path: [String]
  public let query: [String: String]

  public init(path: [String], query: [String: String]) {
    self.path = path
    self.query = query
  }
}

/// What a request is answered with.
public enum WebAnswer: Sendable {
  case response(WebResponse)
  /// A stream of the events that are published under the topics, until one side ends it.
  case events(topics: [String])
}

public struct WebResponse: Sendable {
  public var status: Int
  public var contentType: String
  public var body: [UInt8]
  /// What a page may load and run; of all else nothing.
  public var contentSecurityPolicy: String?

  public init(
    status: Int = 200, contentType: String, body: [UInt8], contentSecurityPolicy: String? = nil
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.contentSecurityPolicy = contentSecurityPolicy
  }

  public static func json(_ body: [UInt8], status: Int = 200) -> WebResponse {
    WebResponse(status: status, contentType: "application/json; charset=utf-8", body: body)
  }
}

/// One message of an event stream.
public struct WebEvent: Sendable, Equatable {
  public var name: String
  /// One line.
  public var data: String

  public init(name: String, data: String) {
    precondition(!(name + data).utf8.contains { $0 == 10 || $0 == 13 }, "an event has one line")
    self.name = name
    self.data = data
  }

  var bytes: [UInt8] { Array("event: \(name)\ndata: \(data)\n\n".utf8) }
}

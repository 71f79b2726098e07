/// What a client may ask of the server. Memory is bounded by them: connections × a request's head, plus
/// the bytes of answers under way.
public struct WebLimits: Sendable {
  /// Bytes of a request's head, its first line included.
  public var headBytes = 16 << 10
  /// Bytes of the request's target.
  public var targetBytes = 8 << 10
  /// Seconds until a head must be there, from the connection's begin or the request's first byte.
  public var headSeconds = 10
  /// Seconds that a connection may rest between two requests.
  public var idleSeconds = 60
  /// Seconds in which some bytes of an answer must get away.
  public var writeSeconds = 30
  /// Open connections: one more takes the place of the one that has waited longest for its client, and is
  /// refused where all are being answered.
  public var connections = 512
  /// Clients of event streams.
  public var eventClients = 64
  /// Seconds between two signs of life in an event stream.
  public var heartbeatSeconds = 15
  /// Bytes of all answers that are under way.
  public var answerBytes = 128 << 20
  /// Threads that make answers.
  public var threads = 4
  /// Seconds that answers under way get when the server stops.
  public var stopSeconds = 5

  public init() {}
}

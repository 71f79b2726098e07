import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1

/// Who listens to which topics.
///
/// A client's queue is what its connection has not sent: one that does not read is dropped when that
/// exceeds the channel's mark, and comes back by itself.
public final class EventHub: Sendable {
  private struct Client {
    var channel: any Channel
    var topics: [String]
  }

  private let clients = NIOLockedValueBox<[ObjectIdentifier: Client]>([:])
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Topics that anybody listens to.
  public var topics: Set<String> {
    clients.withLockedValue { Set($0.values.flatMap(\.topics)) }
  }

  /// Sends an event to those who listen to a topic.
  public func publish(_ event: WebEvent, to topic: String) {
    let bytes = event.bytes
    let listening = clients.withLockedValue { clients in
      clients.values.filter { $0.topics.contains(topic) }.map(\.channel)
    }
    for channel in listening { Self.send(bytes, to: channel) }
  }

  /// - Returns: whether there is a place.
  func add(_ channel: any Channel, topics: [String]) -> Bool {
    clients.withLockedValue { clients in
      guard clients.count < limit else { return false }
      clients[ObjectIdentifier(channel)] = Client(channel: channel, topics: topics)
      return true
    }
  }

  func remove(_ channel: any Channel) {
    _ = clients.withLockedValue { $0.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  func closeAll() {
    let channels = clients.withLockedValue { $0.values.map(\.channel) }
    for channel in channels { channel.close(promise: nil) }
  }

  /// - Parameter bytes: whole lines of an event stream.
  static func send(_ bytes: [UInt8], to channel: any Channel) {
    guard channel.isWritable else { return channel.close(promise: nil) }
    channel.writeAndFlush(
      HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
  }
}

import NIOCore
import NIOHTTP1

/// Refuses a request's head that is too long before it is parsed, since a parser keeps what it has read.
final class HeadGuard: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  struct TooLong: Error {}

  private let limit: Int
  private var bytes = 0
  /// Whether nobody wants to know any more what the client says.
  private(set) var isDeaf = false

  init(limit: Int) { self.limit = limit }

  /// A head has been read: what comes now belongs to the next one.
  func beginAnew() { bytes = 0 }

  /// The connection is about to end.
  func beDeaf() { isDeaf = true }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDeaf else { return }
    bytes += unwrapInboundIn(data).readableBytes
    guard bytes <= limit else { return context.fireErrorCaught(TooLong()) }
    context.fireChannelRead(data)
  }
}

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Where the server listens, and to whom it answers.
public struct WebConfiguration: Sendable {
  /// A name or an address; everything but loopback needs a token.
  public var host = "127.0.0.1"
  /// 0: any that is free.
  public var port = 8420
  /// What a request must bring; nil: nothing, on loopback alone.
  public var token: String?
  public var limits = WebLimits()

  public init() {}
}

/// What a server's connections share.
struct ServerParts: Sendable {
  let limits: WebLimits
  let rules: AccessRules
  let table: ConnectionTable
  let hub: EventHub
  let threads: NIOThreadPool
  let handler: @Sendable (WebRequest) -> WebAnswer
}

/// A small HTTP/1.1 server that only shows: GET and HEAD, no bodies, no files. What is asked for is
/// answered by a function of the request, on threads that may block.
///
/// It stands against what is not meant well: every phase of a connection has a limit in bytes and time
/// (``WebLimits``), every request is checked for where it comes from (``AccessRules``), and nothing that a
/// client sends is kept.
public final class WebServer: Sendable {
  private let parts: ServerParts
  private let loops: MultiThreadedEventLoopGroup
  private let listener: any Channel

  /// The port that it has.
  public var port: Int { listener.localAddress?.port ?? 0 }
  /// Where handlers' event streams are fed.
  public var events: EventHub { parts.hub }
  /// Connections that are open.
  public var connections: Int { parts.table.count }

  /// Listens from here on.
  ///
  /// - Parameter handler: makes the answers, on up to `limits.threads` threads at once.
  /// - Throws: `.cannotBegin` where the port is taken, or the host is not this machine's.
  public init(
    _ configuration: WebConfiguration, handler: @escaping @Sendable (WebRequest) -> WebAnswer
  ) throws(WebError) {
    let limits = configuration.limits
    parts = ServerParts(
      limits: limits,
      rules: AccessRules(
        host: configuration.host, machine: Self.machine, token: configuration.token),
      table: ConnectionTable(limits), hub: EventHub(limit: limits.eventClients),
      threads: NIOThreadPool(numberOfThreads: limits.threads), handler: handler)
    loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    parts.threads.start()
    do {
      listener = try Self.bootstrap(loops, parts)
        .bind(host: configuration.host, port: configuration.port).wait()
    } catch {
      Self.end(loops, parts)
      throw WebError(
        .cannotBegin, at: "\(configuration.host):\(configuration.port)",
        "cannot listen there: \(error)",
        remedy: "Choose another --port (0: any that is free), or another --host.")
    }
  }

  private static func bootstrap(
    _ loops: MultiThreadedEventLoopGroup, _ parts: ServerParts
  ) -> ServerBootstrap {
    ServerBootstrap(group: loops)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(
          minimum: 1024, initial: 2048, maximum: 8192)
      )
      .childChannelOption(
        .writeBufferWaterMark, value: .init(low: 32 << 10, high: 128 << 10)
      )
      .childChannelOption(.allowRemoteHalfClosure, value: false)
      .childChannelInitializer { channel in
        guard parts.table.add(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          let headGuard = HeadGuard(limit: parts.limits.headBytes)
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(headGuard)
          try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false)
          try pipeline.addHandler(Connection(parts, headGuard))
        }
      }
  }

  /// Takes nobody in any more, lets answers under way come to their end, and closes the rest.
  public func stop() {
    // An error would be that it is closed already.
    listener.close(promise: nil)
    parts.table.stop()
    parts.hub.closeAll()
    let clock = ContinuousClock()
    let end = clock.now + .seconds(parts.limits.stopSeconds)
    while parts.table.count > 0, clock.now < end { Thread.sleep(forTimeInterval: 0.01) }
    Self.end(loops, parts)
  }

  private static func end(_ loops: MultiThreadedEventLoopGroup, _ parts: ServerParts) {
    // What cannot be shut down in order ends with the process.
    do {
      try loops.syncShutdownGracefully()
      try parts.threads.syncShutdownGracefully()
    } catch { return }
  }

  /// The machine's own name.
  private static var machine: String {
    var name = [CChar](repeating: 0, count: 256)
    guard unsafe gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection: reads a head, checks it, has it answered on another thread, and sends the answer piece
/// by piece; nothing is read meanwhile. Every phase has a time in which it must end.
final class Connection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let server: ServerParts
  private let headGuard: HeadGuard
  private var deadline: Scheduled<Void>?
  private var isAnswering = false
  private var isListening = false
  /// Whether the client is there: for a gone one no answer is made.
  private let isOpen = NIOLockedValueBox(true)
  /// Bytes that are set aside for the answer under way.
  private var reserved = 0

  init(_ server: ServerParts, _ headGuard: HeadGuard) {
    self.server = server
    self.headGuard = headGuard
  }

  // MARK: The connection's life

  func channelActive(context: ChannelHandlerContext) {
    limit(context, seconds: server.limits.headSeconds)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    isOpen.withLockedValue { $0 = false }
    release()
    server.table.remove(context.channel)
    if isListening { server.hub.remove(context.channel) }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isAnswering, let refusal = Self.refusal(of: error) else {
      return context.close(promise: nil)
    }
    isAnswering = true
    send(.refusal(refusal), context, HeadFacts(isLast: true))
  }

  private static func refusal(of error: any Error) -> WebError? {
    switch error {
    case is HeadGuard.TooLong, HTTPParserError.headerOverflow:
      WebError(
        .refused(status: 431), at: "request", "its head is too long",
        remedy: "Ask for less at once.")
    case is HTTPParserError:
      WebError(
        .refused(status: 400), at: "request", "it is no HTTP", remedy: "Use a browser, or curl.")
    default: nil
    }
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      // Sent before the last answer was there: the client asks again on another connection.
      guard !isAnswering else { return headGuard.beDeaf() }
      isAnswering = true
      headGuard.beginAnew()
      server.table.setAnswered(true, context.channel)
      deadline?.cancel()
      answer(head, context)
    case .body, .end: break
    }
  }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    var facts = HeadFacts(head)
    let request: WebRequest
    do throws(WebError) {
      let target = try facts.check(head, server.limits)
      let fields: AccessRules.Fields = { name in head.headers[name] }
      switch try server.rules.verdict(target.query, fields) {
      case .answer: request = WebRequest(path: target.path, query: target.query)
      case .keepToken: return send(.tokenKept(head.uri, target), context, facts)
      }
    } catch {
      facts.isLast = true
      return send(.refusal(error), context, facts)
    }
    let made = server.threads.runIfActive(eventLoop: context.eventLoop) {
      [handler = server.handler, isOpen] in
      isOpen.withLockedValue { $0 } ? handler(request) : nil
    }
    let bound = NIOLoopBound((self, context, facts), eventLoop: context.eventLoop)
    made.whenComplete { result in
      let (connection, context, facts) = bound.value
      guard context.channel.isActive, case .success(let answer?) = result else {
        return context.close(promise: nil)
      }
      connection.deliver(answer, context, facts)
    }
  }

  private func deliver(
    _ answer: WebAnswer, _ context: ChannelHandlerContext, _ facts: HeadFacts
  ) {
    switch answer {
    case .response(let response):
      guard server.table.reserve(response.body.count) else {
        return send(.refusal(.busy), context, facts)
      }
      reserved = response.body.count
      send(OutgoingResponse(response), context, facts)
    case .events(let topics): listen(topics, context, facts)
    }
  }

  // MARK: Answers

  private func send(
    _ response: OutgoingResponse, _ context: ChannelHandlerContext, _ facts: HeadFacts
  ) {
    let isLast = facts.isLast || headGuard.isDeaf || server.table.isStopping
    if isLast { headGuard.beDeaf() }
    let head = response.head(version: facts.version, isLast: isLast)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    let body = facts.isHeadOnly ? [] : response.body
    sendPiece(of: body, from: 0, context, isLast: isLast)
  }

  /// A piece at a time: the next is handed over when the last has gone.
  private func sendPiece(
    of body: [UInt8], from start: Int, _ context: ChannelHandlerContext, isLast: Bool
  ) {
    limit(context, seconds: server.limits.writeSeconds)
    let end = min(start + 1 << 16, body.count)
    let promise = context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    promise.futureResult.whenComplete { result in
      let (connection, context) = bound.value
      guard case .success = result else { return context.close(promise: nil) }
      guard end == body.count else {
        return connection.sendPiece(of: body, from: end, context, isLast: isLast)
      }
      connection.finish(context, isLast: isLast)
    }
    if start < end {
      let piece = context.channel.allocator.buffer(bytes: body[start..<end])
      context.write(
        wrapOutboundOut(.body(.byteBuffer(piece))), promise: end < body.count ? promise : nil)
    }
    if end == body.count { context.write(wrapOutboundOut(.end(nil)), promise: promise) }
    context.flush()
  }

  private func finish(_ context: ChannelHandlerContext, isLast: Bool) {
    release()
    guard !isLast else { return closeGently(context) }
    isAnswering = false
    server.table.setAnswered(false, context.channel)
    limit(context, seconds: server.limits.idleSeconds)
  }

  /// Closed at once, with bytes of the client's that nobody has read, its answer would be lost.
  private func closeGently(_ context: ChannelHandlerContext) {
    limit(context, seconds: 1)
    context.channel.close(mode: .output, promise: nil)
  }

  private func listen(
    _ topics: [String], _ context: ChannelHandlerContext, _ facts: HeadFacts
  ) {
    guard !facts.isHeadOnly, server.hub.add(context.channel, topics: topics) else {
      return send(.refusal(.busy), context, facts)
    }
    isListening = true
    let head = OutgoingResponse.eventStream.head(version: facts.version, isLast: true)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    beat(context)
  }

  private func beat(_ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    EventHub.send(Array(": here\n\n".utf8), to: context.channel)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(server.limits.heartbeatSeconds))) {
      let (connection, context) = bound.value
      connection.beat(context)
    }
  }

  // MARK: Limits

  private func limit(_ context: ChannelHandlerContext, seconds: Int) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
      channel.close(promise: nil)
    }
  }

  private func release() {
    guard reserved > 0 else { return }
    server.table.release(reserved)
    reserved = 0
  }
}

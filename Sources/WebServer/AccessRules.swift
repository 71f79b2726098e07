/// Who may ask: checked for every request, before anything is looked up.
///
/// A page of another site can make a browser send requests here. It cannot set the Host header to a name
/// of ours (DNS rebinding brings its own), nor leave Origin and Sec-Fetch-Site out, nor read what comes
/// back. Ports are not compared: a tunnel may have another one.
public struct AccessRules: Sendable {
  /// Fields of a head that the rules look at, by lower-case name.
  public typealias Fields = (_ name: String) -> [String]

  /// Names under which the server may be asked for; addresses may always be.
  private let names: Set<String>
  private let onlyLoopback: Bool
  private let token: [UInt8]?

  /// - Parameters:
  ///   - host: what the server is bound to: a name or an address.
  ///   - machine: the machine's own name.
  ///   - token: nil: everybody who reaches the server may ask, which is for loopback.
  public init(host: String, machine: String, token: String?) {
    onlyLoopback = Self.isLoopback(host)
    names = onlyLoopback ? ["localhost"] : ["localhost", host.lowercased(), machine.lowercased()]
    self.token = token.map { Array($0.utf8) }
    precondition(onlyLoopback || self.token?.isEmpty == false, "a token is needed beyond loopback")
  }

  public static func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host == "[::1]"
      || (host.hasPrefix("127.") && isAddress(host))
  }

  /// What becomes of a request that may be answered.
  public enum Verdict: Equatable, Sendable {
    case answer
    /// It brought the token in its target: it gets it as a cookie, and the target without it.
    case keepToken
  }

  public func verdict(_ query: [String: String], _ fields: Fields) throws(WebError) -> Verdict {
    let hosts = fields("host")
    guard hosts.count == 1, isKnown(hosts[0]) else {
      throw WebError(
        .refused(status: hosts.count == 1 ? 421 : 400), at: "Host",
        "the server is not asked for by one of its names",
        remedy: "Use the address that `pipeline serve` printed.")
    }
    try checkOrigin(fields, host: hosts[0])
    guard let token else { return .answer }
    if let given = query["token"] {
      guard Self.isEqual(Array(given.utf8), token) else { throw Self.unknown }
      return .keepToken
    }
    let bearers = fields("authorization").compactMap { field -> String? in
      field.lowercased().hasPrefix("bearer ") ? String(field.dropFirst(7)) : nil
    }
    let cookies = fields("cookie").flatMap { $0.split(separator: ";") }.compactMap {
      pair -> String? in
      let trimmed = pair.drop { $0 == " " }
      return trimmed.hasPrefix("\(Self.cookie)=")
        ? String(trimmed.dropFirst(Self.cookie.count + 1)) : nil
    }
    guard (bearers + cookies).contains(where: { Self.isEqual(Array($0.utf8), token) }) else {
      throw Self.unknown
    }
    return .answer
  }

  static let cookie = "temper_token"

  private static let unknown = WebError(
    .refused(status: 401), at: "token", "the request brings no token, or not the server's",
    remedy:
      "Open the address with ?token= that `pipeline serve` printed, or send it as Authorization: "
      + "Bearer.")

  private func checkOrigin(_ fields: Fields, host: String) throws(WebError) {
    let origins = fields("origin")
    let isOwn = origins.allSatisfy { $0 == "http://\(host)" || $0 == "https://\(host)" }
    // A link to here may be followed from anywhere; nothing else may come from another site.
    let isForeign =
      fields("sec-fetch-site").contains { $0 != "same-origin" && $0 != "none" }
      && !fields("sec-fetch-mode").contains("navigate")
    guard origins.count <= 1, isOwn, !isForeign else {
      throw WebError(
        .refused(status: 403), at: "Origin", "the request comes from a page of another site",
        remedy: "Open the server's own pages.")
    }
  }

  private func isKnown(_ field: String) -> Bool {
    let host = Self.withoutPort(field).lowercased()
    if names.contains(host) { return true }
    return onlyLoopback ? Self.isLoopback(host) : Self.isAddress(host)
  }

  private static func withoutPort(_ host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      let rest = host[host.index(after: end)...]
      return rest.isEmpty || isPort(rest) ? String(host[...end]) : ""
    }
    guard let colon = host.lastIndex(of: ":") else { return host }
    return isPort(host[colon...]) ? String(host[..<colon]) : ""
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.first == ":" && (1...6).contains(text.utf8.count)
      && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
  }

  /// Whether the text is an address and so was not looked up: `10.1.2.3`, `[fd00::1]`.
  private static func isAddress(_ host: String) -> Bool {
    if host.hasPrefix("["), host.hasSuffix("]") {
      return host.dropFirst().dropLast().utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || byte == 0x3A || byte == 0x2E
      }
    }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        part.utf8.count <= 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
          && UInt8(part) != nil
      }
  }

  /// Takes the same time wherever the two differ.
  private static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

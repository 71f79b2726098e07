import CCrypto

/// A running SHA-256 (FIPS 180-4), by libcrypto, which uses the CPU's SHA instructions.
///
/// Used for identities that must hold across machines: shards, weights, checkpoints, queue digests.
@safe public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("SHA256: out of memory") }
    unsafe self.context = context
    precondition(unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "SHA256: no digest")
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// Adds bytes; any split of the same bytes gives the same digest.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(
      unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA256: update")
  }

  public mutating func update(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe update($0) }
  }

  public mutating func update(_ text: String) { update(Array(text.utf8)) }

  /// The digest of all bytes so far, to which more may be added.
  public func digestSoFar() -> [UInt8] {
    let copy = SHA256()
    precondition(unsafe EVP_MD_CTX_copy_ex(copy.context, context) == 1, "SHA256: copy")
    return copy.finalize()
  }

  /// The digest of all bytes so far, 32 bytes.
  public consuming func finalize() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let done = unsafe digest.withUnsafeMutableBufferPointer {
      unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil)
    }
    precondition(done == 1, "SHA256: finalize")
    return digest
  }

  /// The digest of `bytes` in one call.
  public static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finalize()
  }
}

/// Lower-case hexadecimal digits of `bytes`.
public func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(2 * bytes.count)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

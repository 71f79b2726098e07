import Operators
public import Queue
import Records

/// On which product kernels a run was worked off: of bits that differ it can then be said why.
public struct KernelUse: Sendable, Equatable, Encodable {
  /// Committed steps when it was first used.
  public var step: UInt64
  public var kernel: String
}

/// The kernels of a run after the one that it began with, oldest first.
enum KernelHistory {
  static let key = "kernels"

  static func uses(stored: [UInt8]?) throws(RecordError) -> [KernelUse] {
    guard let stored else { return [] }
    var reader = ByteReader(stored)
    let uses = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      KernelUse(step: try reader.uint64(), kernel: try reader.string())
    }
    try reader.expectEnd()
    return uses
  }

  static func stored(_ uses: [KernelUse]) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(array: uses) {
      $0.put($1.step)
      $0.put($1.kernel)
    }
    return writer.bytes
  }
}

extension Run {
  /// Writes down that the run goes on with another product kernel than before; goes with the next commit.
  func noteKernel() throws {
    let known = try KernelHistory.uses(stored: ledger.value(KernelHistory.key))
    guard compute.productKernel != known.last?.kernel ?? identity.productKernel else { return }
    let use = KernelUse(step: try ledger.cursor(.optimizer), kernel: compute.productKernel)
    ledger.setValue(KernelHistory.key, KernelHistory.stored(known + [use]))
  }
}

extension ReadTransaction {
  /// The product kernels that the run was worked off with after the one it began with.
  public func kernels() throws -> [KernelUse] {
    try KernelHistory.uses(stored: state(KernelHistory.key))
  }
}

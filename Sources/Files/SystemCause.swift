public import Foundation

/// Why the system refused a call: its own words, and what its user can do where the disk is to blame.
///
/// Foundation's errors hide both: of a failing disk they say "The operation could not be completed".
public struct SystemCause: Sendable, Equatable {
  /// `errno` of the call.
  public let code: Int32

  public init(_ code: Int32) { self.code = code }

  /// The system's error under one of Foundation's; nil where there is none.
  public init?(of error: CocoaError) {
    guard let cause = error.underlying as? POSIXError else { return nil }
    code = cause.code.rawValue
  }

  /// As it follows a colon: `No space left on device`.
  public var reason: String { unsafe String(cString: strerror(code)) }

  /// The first half of a sentence about a disk that is full or fails; nil for any other cause.
  public var remedy: String? {
    switch code {
    case ENOSPC, EDQUOT: "Make room on the disk"
    case EIO: "Look at the disk, which fails (the system's log names it)"
    default: nil
    }
  }
}

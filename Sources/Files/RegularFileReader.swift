import Foundation

/// A regular file that is read from start to end in pieces, by whoever asks for the next one.
public final class RegularFileReader {
  private let descriptor: Int32

  /// - Throws: as `RegularFile.read`, but for lengths.
  public init(_ path: String) throws(RegularFileError) {
    (descriptor, _) = try RegularFile.open(path)
  }

  deinit { close(descriptor) }

  /// Fills `piece` from its start.
  /// - Returns: how many bytes came; 0 at the end of the file.
  public func read(into piece: inout [UInt8]) throws(RegularFileError) -> Int {
    while true {
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Foundation.read(descriptor, $0.baseAddress, $0.count)
      }
      if count >= 0 { return count }
      guard errno == EINTR else { throw .system(SystemCause(errno).reason) }
    }
  }
}

import Foundation

/// A regular file that is read from start to end in pieces, by whoever asks for the next one.
public final class RegularFileReader {
  private let descriptor: Int32
  /// Bytes of the file as it was opened.
  public let size: Int

  /// - Throws: as `RegularFile.read`, but for lengths.
  public init(_ path: String) throws(RegularFileError) {
    (descriptor, size) = try RegularFile.open(path)
  }

  deinit { close(descriptor) }

  /// Fills `piece` from its start, or from `offset` on.
  /// - Returns: how many bytes came; 0 at the end of the file.
  public func read(
    into piece: inout [UInt8], from offset: Int = 0
  ) throws(RegularFileError) -> Int {
    precondition((0..<piece.count).contains(offset), "read: at \(offset) of \(piece.count)")
    while true {
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Foundation.read(descriptor, $0.baseAddress! + offset, $0.count - offset)
      }
      if count >= 0 { return count }
      guard errno == EINTR else { throw .system(SystemCause(errno).reason) }
    }
  }

  /// The `count` bytes at `offset`; where reading in order stands does not change.
  public func read(at offset: Int, count: Int) throws(RegularFileError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, done in
      while done < count {
        let read = unsafe pread(
          descriptor, target.baseAddress! + done, count - done, off_t(offset + done))
        if read < 0, errno == EINTR { continue }
        if read < 0 { failure = errno }
        guard read > 0 else { return }
        done += read
      }
    }
    guard failure == 0 else { throw .system(SystemCause(failure).reason) }
    guard bytes.count == count else { throw .system("it was cut while it was read") }
    return bytes
  }
}

import Foundation

/// A folder for what a job writes, on the disk to be measured; removed with the object.
final class TemporaryFolder {
  let path: String

  /// - Parameter place: an existing folder to make it in; nil: the system's for temporary files.
  init(in place: String?) throws {
    path = (place ?? NSTemporaryDirectory()) + "/pipeline-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit {
    // What cannot be removed is left: the figures are not the worse for it.
    do { try FileManager.default.removeItem(atPath: path) } catch {}
  }
}

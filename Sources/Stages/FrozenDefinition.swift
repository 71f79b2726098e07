public import Definition
import Digest
import Foundation

/// `pipeline.yaml` of a run: the definition as resolved, closed with a checksum.
///
/// A run goes on from this file, and a flipped digit in a learning rate would be read like any
/// other: so its last line is the SHA-256 of what stands before it.
public enum FrozenDefinition {
  private static let heading = "# Frozen by pipeline. Change it by `pipeline resume --set`."
  private static let mark = "# sha256: "

  /// The text of the file: `comments`, then the definition with every key and value.
  static func text(of definition: Definition, comments: String) -> String {
    let text = "\(heading)\n\(comments)\(definition.yaml())"
    return text + mark + hexadecimal(SHA256.hash(Array(text.utf8))) + "\n"
  }

  /// The definition that `directory` was frozen with.
  ///
  /// A file with neither this heading nor a checksum is somebody else's, or of a run that was frozen
  /// before there was one, and is taken as it is.
  /// - Parameter overrides: `--set` flags.
  /// - Throws: the definition's own errors; `StageError` with `.damaged` when the checksum differs.
  public static func read(
    of directory: RunDirectory, overrides: [(key: String, value: String)] = []
  ) throws -> Definition {
    let definition = try RunKeys.schema.resolve(file: directory.definition, overrides: overrides)
    try requireSeal(of: directory)
    return definition
  }

  private static func requireSeal(of directory: RunDirectory) throws(StageError) {
    let bytes = try DurableFile.read(directory.definition)
    let markBytes = Array(mark.utf8)
    // The last line, however the file ends.
    let end = bytes.last == UInt8(ascii: "\n") ? bytes.count - 1 : bytes.count
    let start = (bytes[..<end].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    let line = bytes[start..<end]
    let isSealed = line.starts(with: markBytes)
    guard isSealed || bytes.starts(with: heading.utf8) else { return }
    let digits = String(decoding: line.dropFirst(markBytes.count), as: UTF8.self)
    guard isSealed, digits == hexadecimal(SHA256.hash(Array(bytes[..<start]))) else {
      throw StageError(
        .damaged, at: directory.definition, "its text is not the one that its checksum is of",
        remedy: "Take back what was changed in it; to change a key, "
          + "`pipeline resume \(directory.path) --set KEY=VALUE`.")
    }
  }
}

import Digest
import Files
import Foundation
import Records

/// A golden directory's model as a model directory: itself, or, where its weights are compressed, a
/// copy without them and with the plain weights, removed with the object.
package final class PlainModel {
  package let path: String
  private let isCopy: Bool

  /// - Throws: what cannot be read, and decompressed weights that are not those `expected.json` names.
  package init(_ directory: String, decompress: (String) throws -> [UInt8]) throws {
    let manager = FileManager.default
    let compressed = directory + "/model.safetensors.zst"
    guard !manager.fileExists(atPath: directory + "/model.safetensors"),
      manager.fileExists(atPath: compressed)
    else {
      (path, isCopy) = (directory, false)
      return
    }
    path = manager.temporaryDirectory.path + "/golden-model-" + UUID().uuidString
    isCopy = true
    try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    let weights = try decompress(compressed)
    try Self.compare(weights, with: directory + "/expected.json")
    try Data(weights).write(to: URL(fileURLWithPath: path + "/model.safetensors"))
    for name in ["config.json", "generation_config.json"]
    where manager.fileExists(atPath: directory + "/" + name) {
      try manager.copyItem(atPath: directory + "/" + name, toPath: path + "/" + name)
    }
  }

  deinit {
    guard isCopy else { return }
    // What stays in the system's folder for temporary files is the system's to remove.
    do { try FileManager.default.removeItem(atPath: path) } catch {}
  }

  private static func compare(_ weights: [UInt8], with expected: String) throws {
    let json = try JSONValue(
      parsing: try RegularFile.read(expected, limit: CheckReport.longestFile), location: expected)
    if let bytes = json["model_bytes"], bytes.integer != weights.count {
      throw ModelCheck.Malformed(
        description: "the decompressed weights have \(weights.count) bytes, not model_bytes")
    }
    if let wanted = json["model_sha256"], wanted.string != hexadecimal(SHA256.hash(weights)) {
      throw ModelCheck.Malformed(description: "the decompressed weights are not model_sha256")
    }
  }
}

import Foundation
public import Shards

/// Datasets that are made of others, row by row.
public enum DerivedDataset {
  /// Writes the rows that `rows` appends; the manifest names the sources with their fingerprints. The
  /// dataset appears when all is written, or not at all.
  ///
  /// - Throws: what `rows` throws; nothing stays behind then.
  public static func write(
    from sources: [Dataset], to folder: String, name: String, options: DatasetWriter.Options,
    rows: (inout DatasetWriter) throws -> Void
  ) throws -> DatasetManifest {
    let isNew = !FileManager.default.fileExists(atPath: folder)
    var writer = try DatasetWriter(folder: folder, name: name, options: options)
    do { try rows(&writer) } catch {
      writer.abandon()
      // Only where nothing else is in it.
      if isNew { unsafe rmdir(folder) }
      throw error
    }
    writer.origin = sources.map {
      DatasetManifest.Origin(
        file: $0.name, rows: $0.rows, bytes: $0.manifest.shards.reduce(0) { $0 + $1.bytes },
        sha256: $0.fingerprint)
    }
    return try writer.finish()
  }
}

import Foundation

extension ModelDirectory {
  /// Makes a new directory that is whole or not there: `fill` writes into a folder beside it, which
  /// then gets its name. A folder that `fill` fails to fill is removed.
  /// - Throws: `ModelDirectoryError` where something stands at `path`, and what `fill` throws.
  public static func make(
    at path: String, fill: (String) throws(ModelDirectoryError) -> Void
  ) throws(ModelDirectoryError) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let manager = FileManager.default
    guard !manager.fileExists(atPath: path) else {
      throw .writing(
        path, "there is something here already", remedy: "Name a directory that is not there yet.")
    }
    let building = "\(path).making-\(getpid())"
    do {
      try manager.createDirectory(atPath: building, withIntermediateDirectories: true)
    } catch {
      throw .writing(
        building, "cannot be made (\(error.localizedDescription))",
        remedy: "Write where you have the right to, on a disk with room.")
    }
    do throws(ModelDirectoryError) {
      try fill(building)
      try ModelDirectoryFile.rename(building, to: path)
    } catch {
      // The first error is the one to show; what cannot be removed for the same cause is named in it.
      do { try manager.removeItem(atPath: building) } catch let left {
        throw .writing(
          error.location, "\(error.problem); \(building) is left (\(left.localizedDescription))",
          remedy: error.remedy)
      }
      throw error
    }
  }

  /// Copies a model under another storage type or cut into other files, with its tokenizer.
  /// - Parameters:
  ///   - storage: F32 keeps every value of any storage; BF16 and F16 round to nearest even.
  ///   - shardBytes: most bytes of tensors in one file.
  public static func convert(
    _ model: StoredModel, to path: String, storage: WeightStorage, shardBytes: Int
  ) throws(ModelDirectoryError) {
    try model.checkTiedHead()
    try make(at: path) { (folder) throws(ModelDirectoryError) in
      try write(
        model.configuration, to: folder, tokenizerFrom: model.path, storage: storage,
        shardBytes: shardBytes, values: model.values)
    }
  }
}

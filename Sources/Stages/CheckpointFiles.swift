import Digest
import Foundation
import Policy

/// The files of one checkpoint: a model directory, Adam's moments, `state.json`, the same for a critic
/// in its folder, and a manifest over all of them.
enum CheckpointFiles {
  static let manifest = "MANIFEST.json"
  static let state = "state.json"
  /// Most bytes of each of the two; some hundred are usual.
  private static let longest = 1 << 20

  /// What a checkpoint holds beside the model directory.
  struct State: Codable, Equatable {
    var step: UInt64
    var adamUpdates: UInt64
    var weightsDigest: String
    /// Of the critic, where there is one.
    var criticUpdates: UInt64?
    var criticDigest: String?

    private enum CodingKeys: String, CodingKey {
      case step
      case adamUpdates = "adam_updates"
      case weightsDigest = "weights_digest"
      case criticUpdates = "critic_updates"
      case criticDigest = "critic_digest"
    }
  }

  struct ManifestEntry: Codable {
    var name: String
    var bytes: Int
    var sha256: String
  }

  /// A file that is not what its manifest says, and why.
  struct Flaw: Equatable {
    var path: String
    var problem: String
  }

  // MARK: Manifest

  static func entries(of folder: String) throws -> [ManifestEntry] {
    let critic = RunDirectory.critic(in: folder)
    let manager = FileManager.default
    let hasCritic = manager.fileExists(atPath: critic)
    let inside = hasCritic ? try manager.contentsOfDirectory(atPath: critic) : []
    let names = try manager.contentsOfDirectory(atPath: folder) + inside.map { "critic/\($0)" }
    return try names.sorted().filter { $0 != manifest && $0 != "critic" }
      .map { name in
        let bytes = try DurableFile.read("\(folder)/\(name)")
        return ManifestEntry(
          name: name, bytes: bytes.count, sha256: hexadecimal(SHA256.hash(bytes)))
      }
  }

  /// The entries of the manifest whose SHA-256 is `digest`, or what is wrong with it.
  static func entries(
    of folder: String, manifest digest: [UInt8]
  ) -> Result<[ManifestEntry], FlawError> {
    Result { () throws(FlawError) in
      let bytes = try contents(of: manifest, in: folder)
      guard SHA256.hash(bytes) == digest else {
        throw FlawError("\(folder)/\(manifest)", "it is not the manifest that the queue names")
      }
      return try decode([ManifestEntry].self, bytes, "\(folder)/\(manifest)")
    }
  }

  /// All bytes of the manifest or `state.json`, whatever they say.
  static func contents(of name: String, in folder: String) throws(FlawError) -> [UInt8] {
    try contents("\(folder)/\(name)", limit: longest)
  }

  private static func contents(_ path: String, limit: Int) throws(FlawError) -> [UInt8] {
    do { return try DurableFile.read(path, limit: limit) } catch {
      throw FlawError(path, error.problem)
    }
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], _ path: String
  ) throws(FlawError) -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
      throw FlawError(path, "it does not hold what it must")
    }
  }

  /// Every file that differs from the manifest with the digest `digest`; empty: the folder is whole.
  ///
  /// - Parameter matters: the names of the files to look at.
  static func flaws(
    of folder: String, manifest digest: [UInt8], where matters: (String) -> Bool = { _ in true }
  ) -> [Flaw] {
    switch entries(of: folder, manifest: digest) {
    case .failure(let error): return [error.flaw]
    case .success(let entries):
      return entries.filter { matters($0.name) }.compactMap { entry -> Flaw? in
        do throws(FlawError) {
          try compare(folder, entry)
          return nil
        } catch { return error.flaw }
      }
    }
  }

  private static func compare(_ folder: String, _ entry: ManifestEntry) throws(FlawError) {
    let path = "\(folder)/\(entry.name)"
    // Of a longer file the length alone is told, and no byte is read.
    let bytes = try contents(path, limit: entry.bytes)
    guard bytes.count == entry.bytes else {
      throw FlawError(path, "it has \(bytes.count) bytes, the manifest says \(entry.bytes)")
    }
    guard hexadecimal(SHA256.hash(bytes)) == entry.sha256 else {
      throw FlawError(path, "its \(bytes.count) bytes are not those the manifest names")
    }
  }

  struct FlawError: Error {
    let flaw: Flaw

    init(_ path: String, _ problem: String) { flaw = Flaw(path: path, problem: problem) }
  }

  static func readState(of folder: String) throws(FlawError) -> State {
    try decode(State.self, try contents(of: state, in: folder), "\(folder)/\(state)")
  }

  /// nil where it cannot be read.
  static func readableState(of folder: String) -> State? {
    do { return try readState(of: folder) } catch { return nil }
  }

  // MARK: Adam's moments

  /// A safetensors file of their own: `first.NAME` and `second.NAME`.
  private static func momentTensors(_ configuration: ModelConfiguration) -> [TensorShape] {
    ["first", "second"].flatMap { moment in
      configuration.parameters.map {
        TensorShape(name: "\(moment).\($0.name)", shape: $0.shape)
      }
    }
  }

  static func write(
    _ moments: AdamWState, of configuration: ModelConfiguration, to folder: String
  ) throws {
    try SafetensorsWriter.write(
      momentTensors(configuration), values: moments.first + moments.second,
      to: folder + "/optimizer.safetensors")
  }

  /// - Throws: a ``FlawError`` for a tensor that is missing.
  static func moments(
    in folder: String, of configuration: ModelConfiguration
  ) throws -> (first: [Float], second: [Float]) {
    let path = folder + "/optimizer.safetensors"
    let file = try SafetensorsFile(path: path)
    var values: [Float] = []
    values.reserveCapacity(2 * configuration.parameterCount)
    for wanted in momentTensors(configuration) {
      guard let tensor = file.tensor(named: wanted.name), tensor.shape == wanted.shape else {
        throw FlawError(path, "\(wanted.name) is missing or has another shape")
      }
      values += try file.floats(of: tensor)
    }
    let count = configuration.parameterCount
    return (Array(values[..<count]), Array(values[count...]))
  }
}
